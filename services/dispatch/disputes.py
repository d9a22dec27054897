"""The disputes that wait for the arbiter, as rows: written with the step that begins or ends one."""

from collections.abc import Sequence

from sqlalchemy import Connection, Text, and_, cast, insert, literal, select, tuple_, update

from qipan.contracts.case import CaseState
from services.dispatch.change import Change, Stored
from services.dispatch.returns import ARBITRATION
from services.dispatch.tables import cases, disputes
from services.dispatch.worklist import Cursor


def keep(conn: Connection, changes: Sequence[Change]) -> None:
    """Note the disputes that these steps begin or end; nothing is written for other steps."""
    for change in changes:
        before, after = _waits(change.before), _waits(change.after)
        if before == after:
            continue
        case = change.after.case
        if after:
            row = {"tenant": case.tenant, "case_id": case.case_id, "version": case.version}
            conn.execute(insert(disputes).values(**row, raised_at=change.at, due_at=case.due_at))
        else:
            open_one = and_(
                disputes.c.tenant == case.tenant,
                disputes.c.case_id == case.case_id,
                disputes.c.ended_at.is_(None),
            )
            conn.execute(
                update(disputes).where(open_one).values(ended_at=change.at, what=change.what, who=change.who)
            )


def waiting(conn: Connection, tenants: Sequence[str], after: Cursor | None, limit: int) -> list[CaseState]:
    """The cases of these tenants that wait for the arbiter, oldest deadline first."""
    query = (
        select(cast(cases.c.state, Text))
        .join(disputes, and_(disputes.c.tenant == cases.c.tenant, disputes.c.case_id == cases.c.id))
        .where(disputes.c.tenant.in_(tenants), disputes.c.ended_at.is_(None))
    )
    if after is not None:
        place = tuple_(literal(after.at), literal(after.id))
        query = query.where(tuple_(disputes.c.due_at, disputes.c.case_id) > place)
    query = query.order_by(disputes.c.due_at, disputes.c.case_id).limit(limit)
    return [CaseState.model_validate_json(row[0]) for row in conn.execute(query)]


def _waits(stored: Stored | None) -> bool:
    return stored is not None and stored.case.own_stage == ARBITRATION
