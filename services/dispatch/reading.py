"""Reading cases: single ones, locked batches, histories."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, Row, Select, Text, cast, select, text, tuple_

from qipan.contracts.case import CaseState
from qipan.contracts.queries import Happening
from qipan.storage import arrays
from services.dispatch.change import Stored
from services.dispatch.clocks import Limits
from services.dispatch.tables import SCHEMA, cases, history, loads

Key = tuple[str, str]
"""A tenant and an id of its."""

_KNOWN = text(
    f"SELECT tenant, report_id FROM {SCHEMA}.cases"
    " JOIN unnest(CAST(:tenants AS text[]), CAST(:reports AS text[])) AS asked (tenant, report_id)"
    " USING (tenant, report_id)"
)


def find(conn: Connection, tenant: str, case_id: str) -> Stored | None:
    """The case, asked for by the tenant it arose in or by the department whose unit has it."""
    row = conn.execute(_stored().where(cases.c.tenant == tenant, cases.c.id == case_id)).first()
    if row is None:
        abroad = (cases.c.unit_tenant == tenant, cases.c.id == case_id, cases.c.unit_tenant != cases.c.tenant)
        row = conn.execute(_stored().where(*abroad)).first()
    return _read(row) if row else None


def find_all(conn: Connection, keys: Iterable[Key]) -> dict[Key, Stored]:
    """The cases with these (tenant, case id)."""
    wanted = tuple_(cases.c.tenant, cases.c.id).in_(sorted(set(keys)))
    found = [_read(row) for row in conn.execute(_stored().where(wanted))]
    return {(stored.case.tenant, stored.case.case_id): stored for stored in found}


def find_by_report(conn: Connection, tenant: str, report_id: str) -> Stored | None:
    """The case of a report."""
    row = conn.execute(_stored().where(cases.c.tenant == tenant, cases.c.report_id == report_id)).first()
    return _read(row) if row else None


def lock(conn: Connection, keys: Iterable[Key]) -> dict[Key, Stored]:
    """The cases with these (tenant, case id), locked until the transaction ends."""
    return _lock(conn, tuple_(cases.c.tenant, cases.c.id).in_(sorted(set(keys))))


def lock_free(conn: Connection, keys: Iterable[Key]) -> tuple[dict[Key, Stored], set[Key]]:
    """Those of these cases that nobody is working on, locked; and the keys of those that somebody is.

    For whoever holds other rows already (timers): waiting for a case then could be a deadlock.
    """
    wanted = tuple_(cases.c.tenant, cases.c.id).in_(sorted(set(keys)))
    free = _lock(conn, wanted, skip_locked=True)
    there = {(row[0], row[1]) for row in conn.execute(select(cases.c.tenant, cases.c.id).where(wanted))}
    return free, there - set(free)


def lock_by_reports(conn: Connection, keys: Iterable[Key]) -> dict[Key, Stored]:
    """The cases of these (tenant, report id), locked until the transaction ends; by (tenant, case id)."""
    return _lock(conn, tuple_(cases.c.tenant, cases.c.report_id).in_(sorted(set(keys))))


def known_reports(conn: Connection, keys: Iterable[Key]) -> set[Key]:
    """Which of these (tenant, report id) have a case already."""
    asked = sorted(set(keys))
    if not asked:
        return set()
    tenants, reports = (arrays.texts(part) for part in zip(*asked, strict=True))
    return {(row[0], row[1]) for row in conn.execute(_KNOWN, {"tenants": tenants, "reports": reports})}


def loads_of(conn: Connection, tenants: Iterable[str]) -> dict[str, dict[str, int]]:
    """How many cases each worker has on the list: tenant → worker → number, 0 left out."""
    wanted = loads.c.tenant.in_(sorted(set(tenants)))
    found: dict[str, dict[str, int]] = {}
    query = select(loads.c.tenant, loads.c.worker, loads.c.open).where(wanted, loads.c.open > 0)
    for tenant, worker, open_cases in conn.execute(query):
        found.setdefault(tenant, {})[worker] = open_cases
    return found


def tell(conn: Connection, tenant: str, case_id: str) -> list[Happening]:
    """What happened to a case, oldest first."""
    rows = conn.execute(
        select(history)
        .where(history.c.tenant == tenant, history.c.case_id == case_id)
        .order_by(history.c.version)
    )
    return [
        Happening(
            at=row.at,
            real_at=row.real_at,
            service=SCHEMA,
            what=row.what,
            who=row.who,
            authority=row.authority,
            version=row.version,
            message_id=row.message_id,
            traceparent=row.traceparent,
            detail=row.detail,
        )
        for row in rows
    ]


def _stored() -> Select[Any]:
    return select(cast(cases.c.state, Text), cases.c.limits, cases.c.unit_tenant)


def _read(row: Row[Any]) -> Stored:
    return Stored(CaseState.model_validate_json(row[0]), Limits.from_plain(row[1]), row[2])


def _lock(conn: Connection, wanted: Any, *, skip_locked: bool = False) -> dict[Key, Stored]:
    ordered = _stored().where(wanted).order_by(cases.c.tenant, cases.c.id)
    query = ordered.with_for_update(skip_locked=skip_locked)
    found = [_read(row) for row in conn.execute(query)]
    return {(stored.case.tenant, stored.case.case_id): stored for stored in found}
