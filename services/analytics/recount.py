"""Recounting: the totals once more from the newest states, compared with the live ones, and mended.

Live updates go on meanwhile: states and totals are read in one snapshot, in which they must agree, and what
is missing is added, which commutes with whatever was added since.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from sqlalchemy import Connection, text

from qipan.contracts.errors import Conflict
from qipan.storage import Database
from services.analytics import partitions, store
from services.analytics.states import CASES, REPORTS
from services.analytics.totals import EPOCH, Key, Totals, add, merge, without_zeros

_TENANTS = text(
    "SELECT tenant FROM analytics.case_states UNION SELECT tenant FROM analytics.report_states"
    " UNION SELECT tenant FROM analytics.totals"
)
_TRY_LOCK = text("SELECT pg_try_advisory_lock(hashtext('qipan.analytics.recount'))")
_UNLOCK = text("SELECT pg_advisory_unlock(hashtext('qipan.analytics.recount'))")


class Recounting(Conflict):
    """Another recount is running; wait until it has finished."""


class Difference(NamedTuple):
    """One figure in which the live totals and a recount differ."""

    key: Key
    counter: str
    live: int
    recounted: int


def recount(database: Database, zone_of: Callable[[str], str], *, verify: bool = False) -> list[Difference]:
    """What differs, over all tenants; unless only to `verify`, the totals are then mended.

    Safe beside live updates; raises Recounting when another recount is at work.
    """
    found: list[Difference] = []
    with _alone(database) as conn:
        for tenant in sorted(conn.execute(_TENANTS).scalars()):
            differences = differences_of(database, tenant, zone_of(tenant))
            found += differences
            if differences and not verify:
                with database.begin() as work:
                    store.add_to_totals(work.conn, _missing(differences))
    return found


def differences_of(database: Database, tenant: str, zone: str) -> list[Difference]:
    """What differs in one tenant's totals, as of one snapshot; months that were dropped are not missed."""
    with database.engine.connect() as conn:
        snapshot = conn.execution_options(isolation_level="REPEATABLE READ")
        found = compare(store.totals_of(snapshot, tenant), counted(snapshot, tenant, zone))
        since = partitions.kept_since(snapshot)
    return [one for one in found if since is None or one.key.bucket == EPOCH or one.key.bucket >= since]


def counted(conn: Connection, tenant: str, zone: str) -> Totals:
    """A tenant's totals, counted from its newest states."""
    totals: Totals = {}
    for states in (CASES, REPORTS):
        for state in states.all_of(conn, tenant):
            add(totals, tenant, zone, state.moments())
    return without_zeros(totals)


def compare(live: Totals, recounted: Totals) -> list[Difference]:
    """Every figure that differs, in the order of the keys."""
    differences = []
    for key in sorted(live.keys() | recounted.keys()):
        before, after = live.get(key, {}), recounted.get(key, {})
        for counter in sorted(before.keys() | after.keys()):
            figures = before.get(counter, 0), after.get(counter, 0)
            if figures[0] != figures[1]:
                differences.append(Difference(key, counter, *figures))
    return differences


@contextmanager
def _alone(database: Database) -> Iterator[Connection]:
    """Two recounts would mend the same difference twice."""
    with database.engine.connect() as conn:
        conn = conn.execution_options(isolation_level="AUTOCOMMIT")
        if not conn.execute(_TRY_LOCK).scalar_one():
            raise Recounting
        try:
            yield conn
        finally:
            conn.execute(_UNLOCK)


def _missing(differences: Sequence[Difference]) -> Totals:
    missing: Totals = {}
    merge(missing, ((d.key, {d.counter: d.recounted - d.live}) for d in differences))
    return missing
