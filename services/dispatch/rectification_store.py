"""The rectifications as rows: what the list of them is read from."""

from collections.abc import Collection, Iterable

from sqlalchemy import Connection, Text, cast, literal, or_, select, tuple_
from sqlalchemy.dialects.postgresql import insert

from qipan.contracts.case import CaseState
from services.dispatch.change import Stored
from services.dispatch.rectification import CLOSED
from services.dispatch.tables import cases, rectifications
from services.dispatch.worklist import Cursor


def keep(conn: Connection, changed: Iterable[Stored]) -> None:
    """Write how these cases' newest rectifications stand."""
    rows = [
        {
            "tenant": stored.case.tenant,
            "case_id": stored.case.case_id,
            "number": newest.number,
            "status": newest.status,
            "unit_tenant": stored.unit_tenant,
            "unit": newest.unit,
            "worker": newest.worker,
            "due_at": newest.due_at,
        }
        for stored in changed
        if stored.case.follow_up and (newest := stored.case.follow_up.rectification)
    ]
    if rows:
        new = insert(rectifications).values(rows)
        key = ("tenant", "case_id", "number")
        kept = {name: new.excluded[name] for name in ("status", "due_at")}
        conn.execute(new.on_conflict_do_update(index_elements=key, set_=kept))


def page(
    conn: Connection,
    tenant: str,
    status: str | None,
    units: Collection[str] | None,
    after: Cursor | None,
    limit: int,
) -> list[tuple[CaseState, Cursor]]:
    """The cases under rectification in a tenant, or by its units; of certain units where `units` is given."""
    r = rectifications.c
    query = (
        select(cast(cases.c.state, Text), r.due_at, r.case_id)
        .join(cases, (cases.c.tenant == r.tenant) & (cases.c.id == r.case_id))
        .where(or_(r.tenant == tenant, r.unit_tenant == tenant), r.status != CLOSED)
    )
    if status is not None:
        query = query.where(r.status == status)
    if units is not None:
        query = query.where(r.unit.in_(sorted(units)))
    if after is not None:
        query = query.where(tuple_(r.due_at, r.case_id) > tuple_(literal(after.at), literal(after.id)))
    rows = conn.execute(query.order_by(r.due_at, r.case_id).limit(limit))
    return [(CaseState.model_validate_json(row[0]), Cursor(row[1], row[2])) for row in rows]
