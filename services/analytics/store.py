"""Analytics' rows: newest states and totals, changed together in one transaction."""

from collections.abc import Callable, Collection, Iterable, Mapping
from functools import lru_cache
from hashlib import blake2b
from operator import itemgetter
from typing import TypeVar

from sqlalchemy import Connection, TextClause, text

from qipan.storage import arrays
from qipan.tenancy.indicators import COUNTERS
from services.analytics.facts import CaseFacts, ReportFacts
from services.analytics.states import CASES, REPORTS, StateKey, States
from services.analytics.totals import Counts, Key, Totals, add, change, without_zeros

State = TypeVar("State", CaseFacts, ReportFacts)
ZoneOf = Callable[[str], str]

_COLUMNS = (*Key._fields, *COUNTERS)


@lru_cache(maxsize=512)
def _adding(counters: tuple[str, ...]) -> TextClause:
    """Adds to these counters: of some forty, what a batch brings touches a few, and the others stay 0 by default."""
    columns = (*Key._fields, *counters)
    arrays_of = ", ".join(
        f"CAST(:{name} AS {'bigint' if name in counters else 'timestamptz' if name == 'bucket' else 'text'}[])"
        for name in columns
    )
    return text(
        f"INSERT INTO analytics.totals ({', '.join(columns)}) SELECT * FROM unnest({arrays_of})"
        f" ON CONFLICT ({', '.join(Key._fields)}) DO UPDATE SET"
        f" {', '.join(f'{name} = totals.{name} + excluded.{name}' for name in counters)}"
    )


_LOCK = text("SELECT pg_advisory_xact_lock(number) FROM unnest(CAST(:numbers AS bigint[])) AS number")
_ALL = text(f"SELECT {', '.join(_COLUMNS)} FROM analytics.totals WHERE tenant = :tenant")


def apply(conn: Connection, states: Collection[CaseFacts | ReportFacts], zone_of: ZoneOf) -> None:
    """Take in states as they come, late, twice or out of order; only what is newer changes anything.

    Everybody locks cases and reports first, then totals, each in one order: replicas that meet wait for one
    another and never in a circle.
    """
    cases, reports = CASES.newest(states), REPORTS.newest(states)
    _lock(conn, [*cases, *reports])
    deltas: Totals = {}
    _replace(conn, CASES, cases, deltas, zone_of)
    _replace(conn, REPORTS, reports, deltas, zone_of)
    add_to_totals(conn, deltas)


def add_to_totals(conn: Connection, deltas: Mapping[Key, Counts]) -> None:
    """Add to the totals, row by row in the order of their keys."""
    rows = sorted(without_zeros(deltas).items(), key=itemgetter(0))
    if not rows:
        return
    tenants, cuts, buckets, members = zip(*(key for key, _ in rows), strict=True)
    columns = {
        "tenant": arrays.texts(tenants),
        "cut": arrays.texts(cuts),
        "bucket": arrays.instants(buckets),
        "member": arrays.texts(members),
    }
    touched = {counter for _, counts in rows for counter in counts}
    counters = tuple(counter for counter in COUNTERS if counter in touched)
    for counter in counters:
        columns[counter] = arrays.numbers([counts.get(counter, 0) for _, counts in rows])
    conn.execute(_adding(counters), columns)


def totals_of(conn: Connection, tenant: str) -> Totals:
    """All of a tenant's totals that are not nothing."""
    rows = conn.execute(_ALL, {"tenant": tenant})
    return without_zeros({Key(*row[:4]): dict(zip(COUNTERS, row[4:], strict=True)) for row in rows})


def _replace(
    conn: Connection, table: States[State], states: Mapping[StateKey, State], deltas: Totals, zone_of: ZoneOf
) -> None:
    if not states:
        return
    known = table.known(conn, states)
    newer = []
    for key, state in states.items():
        old = known.get(key)
        if old is None or state.order > old.order:
            newer.append(state)
            add(deltas, state.tenant, zone_of(state.tenant), change(old, state))
    if newer:
        table.write(conn, newer)


def _lock(conn: Connection, keys: Iterable[StateKey]) -> None:
    """Lock these things until the transaction ends, also those that have no row yet."""
    numbers = {
        int.from_bytes(blake2b("/".join(key).encode(), digest_size=8).digest(), "big", signed=True)
        for key in keys
    }
    conn.execute(_LOCK, {"numbers": sorted(numbers)})
