"""The rows of what was brought in after hours without signal."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    and_,
    func,
    literal_column,
    or_,
    select,
    text,
    tuple_,
    update,
)

from qipan.contracts.errors import RemoteFault
from qipan.contracts.offline import Outcome, ReplayCommand
from services.dispatch.replaying import Since
from services.dispatch.tables import SCHEMA, UNDECIDED, history, replays, tasks

_CONFLICT = replays.c.outcome == literal_column(f"'{Outcome.CONFLICT.value}'")


@dataclass(frozen=True, slots=True)
class Kept:
    """One command as it is kept. `tenant` was addressed, `case_tenant` has the case, `person_tenant` the worker."""

    tenant: str
    id: str
    case_tenant: str
    person_tenant: str
    person: str
    command: ReplayCommand
    received_at: datetime
    skew: float
    outcome: Outcome
    problem: RemoteFault | None = None


def claim(conn: Connection, kept: Kept) -> bool:
    """Record it; False when it is there already. Somebody who is recording it at this moment is waited for."""
    values = {
        "tenant": kept.tenant,
        "id": kept.id,
        "case_tenant": kept.case_tenant,
        "case_id": kept.command.case_id,
        "person_tenant": kept.person_tenant,
        "person": kept.person,
        "sequence": kept.command.sequence,
        "command": kept.command.model_dump_json(),
        "received_at": kept.received_at,
        "skew": kept.skew,
        "outcome": kept.outcome,
    }
    return conn.execute(_CLAIM, values).rowcount == 1


def find(conn: Connection, tenant: str, id: str, *, lock: bool = False) -> Kept | None:
    """One by its id, as the tenant addressed, the case's or the worker's."""
    reached = or_(
        replays.c.tenant == tenant, replays.c.case_tenant == tenant, replays.c.person_tenant == tenant
    )
    query = select(replays).where(replays.c.id == id, reached)
    row = conn.execute(query.with_for_update() if lock else query).first()
    return _read(row) if row else None


def settle(
    conn: Connection,
    kept: Kept,
    outcome: Outcome,
    problem: RemoteFault | None = None,
    decided: tuple[str, datetime, str] | None = None,
) -> None:
    """Record what became of it; `decided`: by whom, when (domain time) and with which words."""
    values = {"outcome": outcome, "problem": problem.model_dump(mode="json") if problem else None}
    if decided is not None:
        values |= dict(zip(("decided_by", "decided_at", "note"), decided, strict=True))
    conn.execute(
        update(replays).where(replays.c.tenant == kept.tenant, replays.c.id == kept.id).values(**values)
    )


def waiting_of(conn: Connection, tenant: str, person: str, case_id: str, *, but: str = "") -> list[Kept]:
    """The person's commands on a case that wait for a decision, in their order, locked."""
    query = select(replays).where(
        replays.c.tenant == tenant,
        replays.c.person == person,
        replays.c.case_id == case_id,
        replays.c.id != but,
        text(UNDECIDED),
    )
    rows = conn.execute(query.order_by(replays.c.received_at, replays.c.sequence).with_for_update())
    return [_read(row) for row in rows]


def conflicts(
    conn: Connection, tenant: str, department: str | None, after: tuple[datetime, str] | None, limit: int
) -> list[tuple[Kept, int]]:
    """The conflicts in a tenant or of its own workers, oldest first, each with how many wait behind it.

    `department`: only those of this department's workers.
    """
    held = replays.alias("held")
    behind = (
        select(func.count())
        .where(
            held.c.tenant == replays.c.tenant,
            held.c.person == replays.c.person,
            held.c.case_id == replays.c.case_id,
            held.c.outcome == Outcome.HELD,
        )
        .scalar_subquery()
    )
    query = select(replays, behind.label("behind")).where(_CONFLICT)
    mine: ColumnElement[bool] = or_(replays.c.case_tenant == tenant, replays.c.person_tenant == tenant)
    if department is not None:
        mine = and_(replays.c.case_tenant == tenant, replays.c.person_tenant == department)
    query = query.where(mine)
    if after is not None:
        query = query.where(tuple_(replays.c.received_at, replays.c.id) > tuple_(*after))
    rows = conn.execute(query.order_by(replays.c.received_at, replays.c.id).limit(limit))
    return [(_read(row), row.behind) for row in rows]


def steps_since(conn: Connection, tenant: str, case_id: str, version: int) -> Sequence[Since]:
    """What happened to a case after that version of it."""
    query = select(history.c.what, history.c.who).where(
        history.c.tenant == tenant, history.c.case_id == case_id, history.c.version > version
    )
    return [Since(row.what, row.who) for row in conn.execute(query)]


def was_asked(conn: Connection, tenant: str, case_id: str, person: str) -> bool:
    """Whether somebody was ever asked to see to a case."""
    like = tasks.c.id.like(f"{case_id}.%")
    query = select(tasks.c.id).where(
        tasks.c.tenant == tenant, like, tasks.c.case_id == case_id, tasks.c.worker == person
    )
    return conn.execute(query.limit(1)).first() is not None


def _read(row: Row[tuple[object, ...]]) -> Kept:
    return Kept(
        tenant=row.tenant,
        id=row.id,
        case_tenant=row.case_tenant,
        person_tenant=row.person_tenant,
        person=row.person,
        command=ReplayCommand.model_validate(row.command),
        received_at=row.received_at,
        skew=row.skew,
        outcome=Outcome(row.outcome),
        problem=RemoteFault.model_validate(row.problem) if row.problem else None,
    )


_CLAIM = text(
    f"INSERT INTO {SCHEMA}.replays (tenant, id, case_tenant, case_id, person_tenant, person, sequence, command,"
    " received_at, skew, outcome)"
    " VALUES (:tenant, :id, :case_tenant, :case_id, :person_tenant, :person, :sequence, CAST(:command AS jsonb),"
    " :received_at, :skew, :outcome) ON CONFLICT DO NOTHING"
)
