"""Mandates as they are kept: what was granted and what has ended, the log of it, and the versions."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from sqlalchemy import Connection, Text, cast, func, null, select, tuple_, union, union_all
from sqlalchemy.dialects.postgresql import insert

from qipan.contracts.mandates import MandateState
from services.dispatch import handovers, reading
from services.dispatch.change import Stored
from services.dispatch.handover import commander
from services.dispatch.tables import cases, loads, mandate_log, mandate_versions, mandates
from services.dispatch.worklist import HELD


def versions(conn: Connection, tenants: Iterable[str]) -> dict[str, int]:
    """Each tenant's version, which stays as it is until the transaction ends: whoever ends a mandate waits.

    So whatever is sent under a mandate is there to be found by whoever ends it.
    """
    wanted = sorted(set(tenants))
    found = _versions(conn, wanted)
    if len(found) < len(wanted):
        rows = [{"tenant": tenant, "version": 0} for tenant in wanted if tenant not in found]
        conn.execute(insert(mandate_versions).values(rows).on_conflict_do_nothing())
        found = _versions(conn, wanted)
    return found


def _versions(conn: Connection, tenants: Collection[str]) -> dict[str, int]:
    query = select(mandate_versions).where(mandate_versions.c.tenant.in_(tenants))
    ordered = query.order_by(mandate_versions.c.tenant).with_for_update(read=True)
    return {row[0]: row[1] for row in conn.execute(ordered)}


def versions_and_loads(
    conn: Connection, tenants: Iterable[str]
) -> tuple[dict[str, int], dict[str, dict[str, int]]]:
    """`versions` of those who have one and `reading.loads_of` in one statement: every filing asks for both."""
    wanted = sorted(set(tenants))
    query = select(mandate_versions).where(mandate_versions.c.tenant.in_(wanted))
    held = query.order_by(mandate_versions.c.tenant).with_for_update(read=True).cte("held")
    known = select(held.c.tenant, null(), held.c.version)
    open_cases = select(loads.c.tenant, loads.c.worker, loads.c.open)
    both = union_all(open_cases.where(loads.c.tenant.in_(wanted), loads.c.open > 0), known)
    found: dict[str, int] = {}
    has: dict[str, dict[str, int]] = {}
    for tenant, worker, number in conn.execute(both):
        if worker is None:
            found[tenant] = number
        else:
            has.setdefault(tenant, {})[worker] = number
    return found if len(found) == len(wanted) else versions(conn, wanted), has


def change(conn: Connection, tenant: str) -> None:
    """Make every replica read the tenant's mandates anew, once whoever relies on them now has committed."""
    first = insert(mandate_versions).values(tenant=tenant, version=1)
    raised = {"version": mandate_versions.c.version + 1}
    conn.execute(first.on_conflict_do_update(index_elements=["tenant"], set_=raised))


def of(conn: Connection, tenant: str) -> list[MandateState]:
    """All that is kept of a tenant's mandates."""
    rows = conn.execute(select(cast(mandates.c.state, Text)).where(mandates.c.tenant == tenant))
    return [MandateState.model_validate_json(row[0]) for row in rows]


def find(conn: Connection, tenant: str, id: str) -> MandateState | None:
    """One mandate that is kept."""
    wanted = select(cast(mandates.c.state, Text)).where(mandates.c.tenant == tenant, mandates.c.id == id)
    row = conn.execute(wanted).first()
    return MandateState.model_validate_json(row[0]) if row else None


def page(
    conn: Connection,
    tenants: Sequence[str],
    department: str | None,
    ended: bool,
    after: tuple[str, str],
    limit: int,
) -> list[MandateState]:
    """What is kept of these tenants' mandates after (tenant, id), in that order."""
    query = select(cast(mandates.c.state, Text)).where(
        mandates.c.tenant.in_(tenants), tuple_(mandates.c.tenant, mandates.c.id) > after
    )
    if department is not None:
        query = query.where(mandates.c.department == department)
    if not ended:
        query = query.where(mandates.c.ended.is_(None))
    rows = conn.execute(query.order_by(mandates.c.tenant, mandates.c.id).limit(limit))
    return [MandateState.model_validate_json(row[0]) for row in rows]


def ended_standing(conn: Connection, tenants: Sequence[str]) -> set[tuple[str, str]]:
    """The pack's mandates of these tenants that have ended."""
    query = select(mandates.c.tenant, mandates.c.id).where(
        mandates.c.tenant.in_(tenants), mandates.c.standing
    )
    return {(tenant, id) for tenant, id in conn.execute(query)}


def keep(conn: Connection, state: MandateState) -> None:
    """Write a mandate as it stands now."""
    row = {
        "tenant": state.tenant,
        "id": state.mandate_id,
        "department": state.department,
        "standing": state.standing,
        "ended": state.ended,
        "state": state.model_dump(mode="json"),
    }
    made = insert(mandates).values(row)
    conn.execute(
        made.on_conflict_do_update(
            index_elements=["tenant", "id"], set_={"ended": made.excluded.ended, "state": made.excluded.state}
        )
    )


def log(
    conn: Connection, state: MandateState, what: str, at: datetime, who: str, message_id: str | None
) -> None:
    """Write down for good what happened to a mandate: who, when, on whose authority."""
    conn.execute(
        insert(mandate_log).values(
            tenant=state.tenant,
            mandate=state.mandate_id,
            what=what,
            at=at,
            who=who,
            authority=state.authority,
            legal_basis=state.legal_basis,
            reason=state.reason,
            message_id=message_id,
        )
    )


def commanded(conn: Connection, tenant: str, units: Collection[str]) -> list[Stored]:
    """The cases that these units have under a mandate given to this tenant, locked until the transaction ends.

    A mandate is used by who commands the case (移交): those that the tenant has taken over are among them, wherever
    they arose; those that another has taken over are not.
    """
    under_mandate = (
        cases.c.stage.in_(sorted(HELD)),
        cases.c.unit.in_(sorted(units)),
        func.jsonb_extract_path_text(cases.c.state, "mandate").is_not(None),
    )
    key = tuple_(cases.c.tenant, cases.c.id)
    taken = handovers.held_by(tenant)
    wanted = union(
        select(cases.c.tenant, cases.c.id).where(cases.c.tenant == tenant, *under_mandate),
        select(cases.c.tenant, cases.c.id).where(key.in_(taken), *under_mandate),
    )
    keys = [(row[0], row[1]) for row in conn.execute(wanted)]
    found = reading.lock(conn, keys).values() if keys else ()
    return [stored for stored in found if commander(stored.case) == tenant]
