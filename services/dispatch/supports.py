"""Child tasks as rows: written with the step that changes one."""

from collections.abc import Callable, Sequence

from sqlalchemy import Connection, Select, or_, select
from sqlalchemy.dialects.postgresql import insert

from qipan.contracts.case import CaseState, Support
from services.dispatch import reading
from services.dispatch.change import Change, Stored
from services.dispatch.joint import IN_HAND, in_hand
from services.dispatch.tables import tasks

KIND = "support"
_OPEN = sorted(state.value for state in IN_HAND)


def keep(conn: Connection, changes: Sequence[Change], owner: Callable[[str, str], str]) -> None:
    """Write the child tasks that these steps change; nothing where a case has none.

    `owner` says whose a unit is, in a tenant.
    """
    for change in changes:
        before = change.before.case if change.before else None
        case = change.after.case
        if not case.supports:
            continue
        known = {support.task_id: support for support in in_hand(before)}
        held = {support.task_id: support for support in in_hand(case)}
        for support in case.supports:
            was, now = known.get(support.task_id), held.get(support.task_id)
            if was == now and before is not None and support in before.supports:
                continue
            _write(
                conn,
                case,
                support,
                "withdrawn" if was and not now and support.state in IN_HAND else None,
                owner(case.tenant, support.unit),
                change,
            )


def find(conn: Connection, tenant: str, case_id: str) -> Stored | None:
    """A case that units of a department, which is this tenant, support."""
    held = select(tasks.c.tenant).where(
        tasks.c.unit_tenant == tenant, tasks.c.case_id == case_id, tasks.c.kind == KIND
    )
    where = conn.execute(held.limit(1)).scalar()
    return reading.find(conn, where, case_id) if where is not None else None


def case_ids(tenant: str, worker: str, units: Sequence[str]) -> Select[tuple[str]]:
    """The cases of which a worker, or the whole of one of these units, has a child task in hand."""
    return select(tasks.c.case_id).where(
        tasks.c.tenant == tenant,
        tasks.c.kind == KIND,
        tasks.c.status.in_(_OPEN),
        tasks.c.unit.in_(units),
        or_(tasks.c.worker == worker, tasks.c.worker.is_(None)),
    )


def waiting(tenant: str | None) -> Select[tuple[str, str]]:
    """The keys of the cases, of a tenant or of all, with a child task that waits for a dispatcher."""
    query = select(tasks.c.tenant, tasks.c.case_id).where(tasks.c.waits_since.is_not(None))
    return query if tenant is None else query.where(tasks.c.tenant == tenant)


def _write(
    conn: Connection, case: CaseState, support: Support, status: str | None, owner: str, change: Change
) -> None:
    row = insert(tasks).values(
        tenant=case.tenant,
        id=support.task_id,
        case_id=case.case_id,
        kind=KIND,
        unit=support.unit,
        unit_tenant=owner,
        worker=support.worker,
        status=status or support.state.value,
        offered_at=support.asked_at,
        changed_at=change.at,
        waits_since=change.at if support.waiting else None,
    )
    conn.execute(
        row.on_conflict_do_update(
            index_elements=["tenant", "id"],
            set_={
                "worker": row.excluded.worker,
                "status": row.excluded.status,
                "changed_at": row.excluded.changed_at,
                "waits_since": row.excluded.waits_since,
            },
        )
    )
