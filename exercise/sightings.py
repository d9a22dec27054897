"""What an operator sees: the services' own tables, read directly, each with the role of its schema."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, LiteralString

import psycopg

from exercise.books import CaseSeen, ReportSeen, Seen

_REPORTS: LiteralString = "SELECT report_id, tenant, status, channel FROM intake.reports"

_CASES: LiteralString = """
    SELECT c.id, c.report_id, c.tenant, c.stage, coalesce(t.open, 0),
        coalesce((c.state -> 'counters' ->> 'overdue')::int, 0),
        (c.state ->> 'filed_at')::timestamptz, (c.state ->> 'disposed_at')::timestamptz,
        (c.state ->> 'closed_at')::timestamptz, coalesce(c.state ->> 'served_by', '')
    FROM dispatch.cases AS c
    LEFT JOIN (
        SELECT tenant, case_id, count(*) AS open FROM dispatch.tasks
        WHERE kind = 'lead' AND status IN ('offered', 'accepted') GROUP BY tenant, case_id
    ) AS t ON t.tenant = c.tenant AND t.case_id = c.id
"""

_NOTIFICATIONS: LiteralString = """
    SELECT (SELECT count(*) FROM notify.messages) + (SELECT count(*) FROM notify.deliveries)
"""

_DOUBLED: LiteralString = """
    SELECT 'message ' || tenant || ' ' || recipient || ' ' || about || ' ' || event
    FROM (SELECT *, coalesce(case_id, report_id, version::text) AS about FROM notify.messages) AS m
    GROUP BY tenant, recipient, about_tenant, about, event, at HAVING count(*) > 1
    UNION ALL
    SELECT 'delivery ' || key FROM notify.deliveries GROUP BY key HAVING count(*) > 1
"""

_TOTALS: LiteralString = """
    SELECT tenant, sum(received)::int, sum(filed)::int, sum(open)::int, sum(closed)::int, sum(voided)::int
    FROM analytics.totals WHERE cut = 'ever' GROUP BY tenant
"""

_DEAD: LiteralString = """
    SELECT body, service || ' ' || key || ': ' || reason FROM steward.dead_letters WHERE state = 'open'
    ORDER BY first_at
"""


def look(database_urls: Mapping[str, str]) -> Seen:
    """Read everything. `database_urls`: schema → URL of a role that may read it."""
    seen = Seen()
    with _reading(database_urls["dispatch"]) as rows:
        seen.cases = [CaseSeen(*row) for row in rows(_CASES)]
    with _reading(database_urls["intake"]) as rows:
        seen.reports = [ReportSeen(*row) for row in rows(_REPORTS)]
    with _reading(database_urls["notify"]) as rows:
        seen.notifications = next(rows(_NOTIFICATIONS))[0]
        seen.doubled_deliveries = [row[0] for row in rows(_DOUBLED)]
    with _reading(database_urls["analytics"]) as rows:
        names = ("received", "filed", "open", "closed", "voided")
        seen.totals = {row[0]: dict(zip(names, row[1:], strict=True)) for row in rows(_TOTALS)}
    with _reading(database_urls["steward"]) as rows:
        letters = list(rows(_DEAD))
    seen.dead_letters = len(letters)
    seen.dead = [subject for body, _ in letters if (subject := subject_of(bytes(body)))]
    seen.why_dead = [why for _, why in letters]
    return seen


def subject_of(body: bytes) -> str:
    """What a dead letter is about; nothing when that cannot be read."""
    try:
        envelope = json.loads(body)
    except ValueError:
        return ""
    return str(envelope.get("subject") or "") if isinstance(envelope, dict) else ""


@contextmanager
def _reading(url: str) -> Iterator[Any]:
    with psycopg.connect(url.replace("+psycopg", ""), connect_timeout=10) as connection:
        connection.read_only = True

        def rows(query: LiteralString) -> Iterator[tuple[Any, ...]]:
            return iter(connection.execute(query).fetchall())

        yield rows
