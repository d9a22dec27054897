"""What the run amounts to: each invariant as a number that must be zero, counted from the outside."""

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import psycopg

from exercise.books import Books, accounts
from exercise.settling import settled_books
from qipan.storage.provision import service_url
from tests.faults import evidence
from tests.faults.evidence import Evidence
from tests.faults.house import House, plain, urls

_TALLY = """
SELECT (SELECT count(*) FROM tally.effects),
       (SELECT count(*) FROM (SELECT DISTINCT tenant, case_id FROM tally.effects) AS once),
       (SELECT count(*) FROM dispatch.cases)
"""
_TOLD_TWICE = """
SELECT (SELECT count(*) FROM (SELECT 1 FROM notify.messages
            GROUP BY tenant, recipient, message_id HAVING count(*) > 1) AS messages)
     + (SELECT count(*) FROM (SELECT 1 FROM notify.deliveries
            GROUP BY tenant, message_id, recipient, channel HAVING count(*) > 1) AS deliveries)
"""
TIMERS_TWICE = """
SELECT count(*) FROM (
    SELECT tenant, case_id, clock, due_at, count(*) AS times FROM (
        SELECT tenant, case_id, detail ->> 'clock' AS clock, CAST(detail ->> 'due_at' AS timestamptz) AS due_at
        FROM dispatch.history WHERE what = 'overdue'
    ) AS told GROUP BY tenant, case_id, clock, due_at
) AS t WHERE times > greatest(1, (SELECT count(*) FROM dispatch.clocks AS c WHERE c.tenant = t.tenant
    AND c.case_id = t.case_id AND c.clock = t.clock AND c.due_at = t.due_at AND c.overdue_at IS NOT NULL))
"""
"""Once for each run of a clock: who accepts a case that was given back has the deadline that it had, be it over."""
_TIMERS_MISSED = """
SELECT count(*) FROM dispatch.clocks AS c
WHERE c.ended_at IS NULL AND c.overdue_at IS NULL AND c.due_at < %s
  AND NOT EXISTS (SELECT 1 FROM dispatch.timers AS t WHERE t.tenant = c.tenant AND t.ref = c.case_id AND t.due_at > %s)
"""
_TIMERS_FIRED = "SELECT count(*) FROM dispatch.history WHERE what = 'overdue'"
_FOREIGN = """
SELECT (SELECT count(*) FROM dispatch.cases WHERE state ->> 'tenant' <> tenant)
     + (SELECT count(*) FROM dispatch.cases WHERE state ->> 'served_by' LIKE '%@%'
          AND split_part(state ->> 'served_by', '@', 2) <> tenant)
     + (SELECT count(*) FROM notify.messages WHERE split_part(recipient, '.', 1) <> split_part(tenant, '~', 1))
"""
_LIVE_FROM_SHADOW = """
SELECT (SELECT count(*) FROM dispatch.cases WHERE tenant LIKE '%~%'),
       (SELECT count(*) FROM notify.messages WHERE tenant NOT LIKE '%~%' AND about_tenant LIKE '%~%')
     + (SELECT count(*) FROM notify.deliveries WHERE tenant LIKE '%~%')
"""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The books, and what else was counted."""

    books: Books
    figures: dict[str, Any]


INVARIANTS = (
    "lost",
    "refused",
    "unanswered",
    "duplicate_effects",
    "tally_missing",
    "timers_fired_twice",
    "timers_missed",
    "recount_differences",
    "seen_by_another_tenant",
    "shadow_in_live_figures",
    "poison_lost",
    "dead_letters_unaccounted",
    "commands_without_effect",
    "steps_taken_twice",
    "floods_unreported",
    "floods_reported_twice",
    "mails_lost",
    "mails_of_nobody",
    "mails_repeated_beyond",
)
"""What must be zero."""

FLOORS = (
    "acknowledged",
    "shadow_acknowledged",
    "shadow_cases",
    "timers_fired",
    "poisoned",
    "commands_answered",
    "floods",
    "taken_by_the_squad",
    "mails_taken",
)
"""What must not be zero: an invariant about nothing holds whatever happens."""

STATES = ("open", "closed", "declined", "merged", "held", "self-disposed")
"""In each of these at least one acknowledged report must end."""

LEDGERS = ("ledger.jsonl", "ledger-shadow.jsonl", "ledger-players.jsonl")

PATIENCE_SECONDS = 90.0
"""How long the books may fail to balance without anything moving: clocks go on while they are read, and what a clock
moves on between two tables is in neither."""


def broken(figures: Mapping[str, Any]) -> list[str]:
    """What does not hold, by name."""
    found = [name for name in INVARIANTS if figures[name]]
    found += [f"no {name}" for name in FLOORS if not figures[name]]
    return found + [f"nothing is {state}" for state in STATES if not figures["by_state"].get(state)]


def judge(house: House, known: Evidence, patience: float = PATIENCE_SECONDS) -> Verdict:
    """Count everything, after the house has settled."""
    found = urls(house)
    ledgers = [path for name in LEDGERS if (path := house.base / name).is_file()]
    books = settled_books(found, ledgers, patience=patience)
    # People may stand beyond a border with their finger; the load never does.
    strays = accounts([path for path in ledgers if path.name == "ledger-players.jsonl"]).values()
    shadow = accounts([path for path in ledgers if path.name == "ledger-shadow.jsonl"])
    now = house.running_now()
    with psycopg.connect(plain(house.running.servers.database_url)) as conn:

        def one(query: str, *parameters: object) -> tuple[Any, ...]:
            row = conn.execute(query, parameters or None).fetchone()
            assert row is not None
            return row

        effects, once, cases = one(_TALLY)
        shadow_cases, shadow_leaks = one(_LIVE_FROM_SHADOW)
        figures = {
            "acknowledged": books.accepted,
            "refused": books.refused - sum(account.refused for account in strays),
            "unanswered": books.unanswered,
            "visible": books.visible,
            "filed": books.filed,
            "lost": books.lost + (books.accepted - books.visible),
            "duplicate_effects": books.duplicate_effects + (effects - once),
            "product_doubles": one(_TOLD_TWICE)[0],
            "tally_doubles": effects - once,
            "tally_effects": effects,
            "tally_missing": cases - once,
            "timers_fired": one(_TIMERS_FIRED)[0],
            "timers_fired_twice": one(TIMERS_TWICE)[0],
            "timers_missed": one(_TIMERS_MISSED, now, now)[0],
            "recount_differences": _recount(house),
            "seen_by_another_tenant": one(_FOREIGN)[0],
            "shadow_acknowledged": sum(account.accepted for account in shadow.values()),
            "shadow_cases": shadow_cases,
            "shadow_in_live_figures": shadow_leaks,
            **evidence.of_poison(house, known),
            **evidence.of_people(house, known),
            **evidence.of_tenants_services(house, known),
            **evidence.of_mail(house, known),
            "by_state": books.by_state,
            "doubts": books.doubts,
        }
    return Verdict(books, figures)


def _recount(house: House) -> int:
    """How many figures `python -m services.analytics.recount --verify` finds different."""
    secret = house.running.credentials.secret
    environment = {
        "QIPAN_DATABASE_URL": service_url(house.running.servers.database_url, "analytics", secret),
        "QIPAN_DISTRICT": str(house.running.settings.district),
        "PATH": "/usr/bin:/bin",
    }
    done = subprocess.run(
        [sys.executable, "-m", "services.analytics", "recount", "--verify"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 0:
        return 0
    sys.stderr.write(done.stdout + done.stderr)
    return max(1, len(done.stdout.splitlines()))
