"""The rows of shifts: the newest of each worker beside the load, and every one that there was."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, select, text

from qipan.contracts.case import CaseState
from qipan.contracts.field import Shift
from services.dispatch.reading import Key
from services.dispatch.shifts import Duty
from services.dispatch.states import Held, hands
from services.dispatch.tables import HELD, SCHEMA, SUPPORTING, loads


def duty_of(conn: Connection, tenant: str, worker: str) -> Duty:
    """A worker's newest shift, locked until the transaction ends."""
    query = select(loads.c.on_since, loads.c.on_until, loads.c.off_since)
    row = conn.execute(query.where(loads.c.tenant == tenant, loads.c.worker == worker).with_for_update())
    return Duty(*(row.first() or ()))


def duties_of(conn: Connection, tenants: Iterable[str]) -> dict[Key, Duty]:
    """The newest shift of everybody in these tenants who ever signed on."""
    query = select(loads.c.tenant, loads.c.worker, loads.c.on_since, loads.c.on_until, loads.c.off_since)
    wanted = loads.c.tenant.in_(sorted(set(tenants)))
    rows = conn.execute(query.where(wanted, loads.c.on_since.is_not(None)))
    return {(row[0], row[1]): Duty(*row[2:]) for row in rows}


def last(conn: Connection, keys: Iterable[Key]) -> dict[Key, Shift]:
    """The newest shift of each of these (tenant, worker), as it was recorded."""
    keys = sorted(set(keys))
    values = {"tenants": [tenant for tenant, _ in keys], "workers": [worker for _, worker in keys]}
    return {(row.tenant, row.worker): Shift(**row._mapping) for row in conn.execute(_LAST, values)}


def begin(conn: Connection, tenant: str, shift: Shift, by: str) -> None:
    """Record that a shift has begun, or that it now ends at another time."""
    conn.execute(_BEGIN, {"tenant": tenant, "by": by, **shift.model_dump()})
    conn.execute(_SIGN_ON, {"tenant": tenant, **shift.model_dump()})


def end(conn: Connection, ended: Iterable[tuple[str, str, datetime, str]]) -> None:
    """Record that the running shifts of (tenant, worker, when, by whom) are over."""
    columns = list(zip(*sorted(ended), strict=True))
    if columns:
        values = dict(zip(("tenants", "workers", "ends", "by"), map(list, columns), strict=True))
        conn.execute(_SIGN_OFF, values)
        conn.execute(_LOCATE_NO_MORE, values)
        conn.execute(_END, values)


def held_by_workers(conn: Connection, keys: Iterable[Key]) -> dict[Key, list[Held]]:
    """The tasks that each of these (tenant, worker) has in hand, soonest deadline first.

    Those of cases that they lead, wherever these arose, and of cases that they support.
    """
    wanted = set(keys)
    values = {"tenants": [tenant for tenant, _ in wanted], "workers": [worker for _, worker in wanted]}
    found: dict[Key, list[Held]] = {}
    for (state,) in conn.execute(_HELD, values):
        for tenant, worker, held in hands(CaseState.model_validate_json(state)):
            if (tenant, worker) in wanted:
                found.setdefault((tenant, worker), []).append(held)
    return found


_KEYS = "unnest(CAST(:tenants AS text[]), CAST(:workers AS text[])) AS k(tenant, worker)"
_ENDED = (
    "unnest(CAST(:tenants AS text[]), CAST(:workers AS text[]), CAST(:ends AS timestamptz[]),"
    " CAST(:by AS text[])) AS k(tenant, worker, at, by)"
)
_LAST = text(
    f"SELECT DISTINCT ON (tenant, worker) tenant, worker, started_at, until, ended_at, ended_by,"
    " planned"
    f" FROM {SCHEMA}.shifts JOIN {_KEYS} USING (tenant, worker)"
    " ORDER BY tenant, worker, started_at DESC"
)
_BEGIN = text(
    f"INSERT INTO {SCHEMA}.shifts (tenant, worker, started_at, until, started_by, planned)"
    " VALUES (:tenant, :worker, :started_at, :until, :by, :planned)"
    " ON CONFLICT (tenant, worker, started_at) DO UPDATE SET until = excluded.until"
)
_SIGN_ON = text(
    f"INSERT INTO {SCHEMA}.loads (tenant, worker, open, on_since, on_until)"
    " VALUES (:tenant, :worker, 0, :started_at, :until)"
    " ON CONFLICT (tenant, worker) DO UPDATE"
    " SET on_since = excluded.on_since, on_until = excluded.on_until, off_since = NULL"
)
_SIGN_OFF = text(
    f"UPDATE {SCHEMA}.loads l SET off_since = k.at FROM {_ENDED}"
    " WHERE l.tenant = k.tenant AND l.worker = k.worker AND l.off_since IS NULL"
)
_LOCATE_NO_MORE = text(
    f"DELETE FROM {SCHEMA}.positions p USING {_ENDED} WHERE p.tenant = k.tenant AND p.worker = k.worker"
)
_END = text(
    f"UPDATE {SCHEMA}.shifts s SET ended_at = k.at, ended_by = k.by FROM {_ENDED}"
    " WHERE s.tenant = k.tenant AND s.worker = k.worker AND s.ended_at IS NULL"
)
_HELD = text(
    # Candidates only, each case once; who has what of it says `states.hands`.
    f"WITH k AS MATERIALIZED (SELECT * FROM {_KEYS}), found AS ("
    f"SELECT c.tenant, c.id FROM {SCHEMA}.cases c JOIN k USING (tenant, worker) WHERE {HELD}"
    f" UNION SELECT t.tenant, t.case_id FROM {SCHEMA}.tasks t JOIN k USING (tenant, worker) WHERE {SUPPORTING}"
    f" UNION SELECT c.tenant, c.id FROM {SCHEMA}.handovers h"
    f" JOIN {SCHEMA}.cases c ON c.tenant = h.tenant AND c.id = h.case_id"
    f" WHERE h.holder IS NOT NULL AND {HELD} AND c.worker IN (SELECT worker FROM k))"
    f" SELECT CAST(c.state AS text) FROM {SCHEMA}.cases c JOIN found USING (tenant, id) ORDER BY c.due_at, c.id"
)
