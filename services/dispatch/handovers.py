"""Hand-overs as rows: by which the other side finds a case that arose elsewhere."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Text,
    and_,
    cast,
    exists,
    literal,
    or_,
    select,
    tuple_,
)
from sqlalchemy.dialects.postgresql import insert

from qipan.contracts.case import OPEN_STAGES, CaseState
from qipan.contracts.errors import Fault, Invalid
from services.dispatch import reading
from services.dispatch.change import Change, Stored
from services.dispatch.tables import cases, handovers

WITHDRAWN = "withdrawn"
"""What stands in the row of one that was taken back: whoever was asked sees the case no more, except what became of it
when they answer too late."""


def keep(conn: Connection, changes: Sequence[Change]) -> None:
    """Note the hand-overs that these steps change; nothing is written for other steps."""
    for change in changes:
        case, before = change.after.case, change.before.case if change.before else None
        if case.handover is None or (before is not None and before.handover == case.handover):
            continue
        row = insert(handovers).values(
            tenant=case.tenant,
            case_id=case.case_id,
            asked=case.handover.to,
            holder=case.handover.holder,
            state=WITHDRAWN if case.handover.withdrawn else case.handover.state.value,
            changed_at=change.at,
        )
        newest = {name: row.excluded[name] for name in ("asked", "holder", "state", "changed_at")}
        conn.execute(row.on_conflict_do_update(index_elements=["tenant", "case_id"], set_=newest))


def find(conn: Connection, tenant: str, case_id: str) -> Stored | None:
    """A case that arose elsewhere and that this tenant has taken over, or was asked to: who is late is told why."""
    party = or_(handovers.c.holder == tenant, handovers.c.asked == tenant)
    where = conn.execute(select(handovers.c.tenant).where(party, handovers.c.case_id == case_id)).scalar()
    return reading.find(conn, where, case_id) if where is not None else None


def held_by(tenant: str) -> Select[tuple[str, str]]:
    """The keys of the cases that a tenant has taken over."""
    return select(handovers.c.tenant, handovers.c.case_id).where(handovers.c.holder == tenant)


def commanded_by(tenant: str, arose: Any, case_id: Any) -> ColumnElement[bool]:
    """Whether a tenant commands the case of a row: it arose there and nobody took it over, or it took it over."""
    given = exists().where(
        handovers.c.tenant == arose, handovers.c.case_id == case_id, handovers.c.holder.is_not(None)
    )
    return ((arose == tenant) & ~given) | tuple_(arose, case_id).in_(held_by(tenant))


class Place(NamedTuple):
    """Where a page ended: when the hand-over last changed, and whose case it is."""

    at: datetime
    tenant: str
    case_id: str

    @classmethod
    def parse(cls, after: str) -> "Place":
        """Read back `str(place)`; Invalid when it is not one."""
        try:
            when, tenant, case_id = after.split("|")
            at = datetime.fromisoformat(when)
        except ValueError:
            at = None
        if at is None or at.tzinfo is None:
            fault = Fault(where="after", what="not a place in a list", allowed="`next` of the page before")
            raise Invalid("The list cannot go on from there.", faults=(fault,))
        return cls(at, tenant, case_id)

    def __str__(self) -> str:
        return f"{self.at.isoformat()}|{self.tenant}|{self.case_id}"


def listed(
    conn: Connection, tenant: str, towns: Sequence[str], after: Place | None, limit: int
) -> tuple[tuple[CaseState, ...], str | None]:
    """The open cases with a hand-over to which a tenant is party, what changed longest ago first, and what is next.

    With `towns`, those of them all. Not by deadline: a suspended case has none, and is listed like the others.
    """
    order = tuple_(handovers.c.changed_at, handovers.c.tenant, handovers.c.case_id)
    party = or_(
        handovers.c.tenant.in_([tenant, *towns]),
        handovers.c.holder == tenant,
        (handovers.c.asked == tenant) & (handovers.c.state != WITHDRAWN),
    )
    query = (
        select(cast(cases.c.state, Text), handovers.c.changed_at)
        .join(handovers, and_(handovers.c.tenant == cases.c.tenant, handovers.c.case_id == cases.c.id))
        .where(party, cases.c.stage.in_(sorted(OPEN_STAGES)))
        .where((handovers.c.state != WITHDRAWN) | handovers.c.holder.is_not(None))
    )
    if after is not None:
        query = query.where(order > tuple_(*(literal(part) for part in after)))
    by = (handovers.c.changed_at, handovers.c.tenant, handovers.c.case_id)
    rows = conn.execute(query.order_by(*by).limit(limit + 1)).all()
    found = tuple(CaseState.model_validate_json(row[0]) for row in rows[:limit])
    if len(rows) <= limit:
        return found, None
    return found, str(Place(rows[limit - 1].changed_at, found[-1].tenant, found[-1].case_id))
