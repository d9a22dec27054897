"""What waits for the district's arbiter, as rows: disputed returns, and hand-overs that nobody took.

Written with the step that begins or ends one.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, Text, and_, cast, insert, literal, select, tuple_, update

from qipan.contracts.case import CaseState
from services.dispatch.change import Change, Stored
from services.dispatch.handover import waits_for_arbiter
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
            conn.execute(insert(disputes).values(**row, raised_at=change.at, due_at=_due(case) or change.at))
        else:
            open_one = and_(
                disputes.c.tenant == case.tenant,
                disputes.c.case_id == case.case_id,
                disputes.c.ended_at.is_(None),
            )
            conn.execute(
                update(disputes).where(open_one).values(ended_at=change.at, what=change.what, who=change.who)
            )


def waiting(
    conn: Connection, tenants: Sequence[str], after: Cursor | None, limit: int
) -> tuple[tuple[CaseState, ...], str | None]:
    """The cases of these tenants that wait for the arbiter, oldest deadline first, and what is next."""
    query = (
        select(cast(cases.c.state, Text), disputes.c.due_at)
        .join(disputes, and_(disputes.c.tenant == cases.c.tenant, disputes.c.case_id == cases.c.id))
        .where(disputes.c.tenant.in_(tenants), disputes.c.ended_at.is_(None))
    )
    if after is not None:
        place = tuple_(literal(after.at), literal(after.id))
        query = query.where(tuple_(disputes.c.due_at, disputes.c.case_id) > place)
    rows = conn.execute(query.order_by(disputes.c.due_at, disputes.c.case_id).limit(limit + 1)).all()
    found = tuple(CaseState.model_validate_json(row[0]) for row in rows[:limit])
    more = str(Cursor(rows[limit - 1].due_at, found[-1].case_id)) if len(rows) > limit else None
    return found, more


def _waits(stored: Stored | None) -> bool:
    case = stored.case if stored else None
    return case is not None and (case.own_stage == ARBITRATION or waits_for_arbiter(case))


def _due(case: CaseState) -> datetime | None:
    if case.own_stage == ARBITRATION:
        return case.due_at
    return case.handover.due_at if case.handover else None
