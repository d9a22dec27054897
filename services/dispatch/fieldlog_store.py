"""The rows of cases' logs: added, never changed; an answer is a row of its own."""

from sqlalchemy import Connection, Row, exists, insert, select

from qipan.contracts.case import OPEN_STAGES
from qipan.contracts.errors import Fault, Invalid
from qipan.contracts.fieldlog import CaseLog, EntryKind, LogEntry
from services.dispatch import handovers
from services.dispatch.fieldlog import ANSWERED_BY
from services.dispatch.tables import case_log, cases


def add(conn: Connection, entry: LogEntry) -> None:
    """Add an entry."""
    row = entry.model_dump(mode="python")
    conn.execute(insert(case_log), {"id": row.pop("entry_id"), **row, "kind": entry.kind.value})


def find(conn: Connection, tenant: str, id: str) -> LogEntry | None:
    """An entry; locked, so that of two who answer it the second sees the first's answer."""
    query = select(case_log).where(case_log.c.tenant == tenant, case_log.c.id == id).with_for_update()
    row = conn.execute(query).first()
    return _read(row) if row else None


def answer_to(conn: Connection, tenant: str, id: str) -> LogEntry | None:
    """What answers an entry."""
    query = select(case_log).where(case_log.c.tenant == tenant, case_log.c.about == id)
    row = conn.execute(query).first()
    return _read(row) if row else None


def of_case(conn: Connection, tenant: str, case_id: str) -> tuple[LogEntry, ...]:
    """A case's log, oldest first."""
    query = select(case_log).where(case_log.c.tenant == tenant, case_log.c.case_id == case_id)
    return tuple(_read(row) for row in conn.execute(query.order_by(case_log.c.seq)))


def instructions(conn: Connection, tenant: str, case_id: str) -> tuple[LogEntry, ...]:
    """Whom the centre told what about a case, oldest first."""
    kind = EntryKind.INSTRUCTION
    return tuple(entry for entry in of_case(conn, tenant, case_id) if entry.kind is kind)


def unanswered(conn: Connection, tenant: str, kind: EntryKind, after: str | None, limit: int) -> CaseLog:
    """A page of what waits for an answer, of the open cases that a tenant commands; oldest first.

    Nobody answers any more about a case that is over. Invalid when `after` is no place in such a list.
    """
    answer = case_log.alias("answer")
    answered = exists().where(
        answer.c.tenant == case_log.c.tenant,
        answer.c.about == case_log.c.id,
        answer.c.kind == ANSWERED_BY[kind].value,
    )
    commanded = handovers.commanded_by(tenant, case_log.c.tenant, case_log.c.case_id)
    going_on = exists().where(
        cases.c.tenant == case_log.c.tenant,
        cases.c.id == case_log.c.case_id,
        cases.c.stage.in_(sorted(OPEN_STAGES)),
    )
    query = select(case_log).where(commanded, case_log.c.kind == kind.value, ~answered, going_on)
    if after is not None:
        query = query.where(case_log.c.seq > _place(after))
    rows = conn.execute(query.order_by(case_log.c.seq).limit(limit + 1)).all()
    following = str(rows[limit - 1].seq) if len(rows) > limit else None
    return CaseLog(entries=tuple(_read(row) for row in rows[:limit]), next=following)


def _place(after: str) -> int:
    if after.isascii() and after.isdigit() and len(after) < 19:
        return int(after)
    fault = Fault(where="after", what="not a place in a list", allowed="`next` of the page before")
    raise Invalid("The list cannot go on from there.", faults=(fault,))


def _read(row: Row[tuple[object, ...]]) -> LogEntry:
    given = dict(row._mapping)
    return LogEntry.model_validate({"entry_id": given.pop("id"), **given})
