"""Published league tables: frozen, and corrected only beside what they were."""

import json
from datetime import datetime
from typing import NamedTuple

from pydantic import TypeAdapter
from sqlalchemy import Connection, text

from qipan.contracts.figures import Placing, Revision
from services.analytics.period import Span

_PLACES = TypeAdapter(tuple[Placing, ...])

_READ = text(
    "SELECT revision, at, by, reason, places FROM analytics.leagues"
    " WHERE tenant = :tenant AND league = :league AND since = :since AND until = :until ORDER BY revision"
)
_WRITE = text(
    "INSERT INTO analytics.leagues (tenant, league, since, until, revision, period, at, by, reason, places)"
    " VALUES (:tenant, :league, :since, :until, :revision, :period, :at, :by, :reason, CAST(:places AS jsonb))"
)
_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))")


class Published(NamedTuple):
    """One revision of a table."""

    revision: Revision
    places: tuple[Placing, ...]


def of_period(conn: Connection, tenant: str, league: str, span: Span) -> list[Published]:
    """Every revision of a period's table, oldest first; none when it was not published."""
    given = {"tenant": tenant, "league": league, "since": span.since, "until": span.until}
    return [
        Published(
            Revision(number=row.revision, at=row.at, by=row.by, reason=row.reason),
            _PLACES.validate_python(row.places),
        )
        for row in conn.execute(_READ, given)
    ]


def lock(conn: Connection, tenant: str, league: str) -> None:
    """Whoever publishes or corrects does so alone."""
    conn.execute(_LOCK, {"name": f"league/{tenant}/{league}"})


def keep(
    conn: Connection,
    tenant: str,
    league: str,
    span: Span,
    places: tuple[Placing, ...],
    revision: int,
    at: datetime,
    by: str,
    reason: str = "",
) -> Published:
    """Write one revision down."""
    plain = json.dumps(_PLACES.dump_python(places, mode="json"), ensure_ascii=False)
    given = {
        "tenant": tenant,
        "league": league,
        "since": span.since,
        "until": span.until,
        "revision": revision,
        "period": span.name,
        "at": at,
        "by": by,
        "reason": reason,
        "places": plain,
    }
    conn.execute(_WRITE, given)
    return Published(Revision(number=revision, at=at, by=by, reason=reason), places)
