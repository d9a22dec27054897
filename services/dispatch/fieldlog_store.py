"""The rows of cases' logs: added, never changed; an answer is a row of its own."""

from sqlalchemy import Connection, Row, exists, insert, select

from qipan.contracts.fieldlog import EntryKind, LogEntry
from services.dispatch import handovers
from services.dispatch.fieldlog import ANSWERED_BY
from services.dispatch.tables import case_log


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


def unanswered(conn: Connection, tenant: str, kind: EntryKind, limit: int) -> tuple[LogEntry, ...]:
    """The entries of a kind that nobody has answered, of the cases that a tenant commands; oldest first."""
    answer = case_log.alias("answer")
    answered = exists().where(
        answer.c.tenant == case_log.c.tenant,
        answer.c.about == case_log.c.id,
        answer.c.kind == ANSWERED_BY[kind].value,
    )
    commanded = handovers.commanded_by(tenant, case_log.c.tenant, case_log.c.case_id)
    query = select(case_log).where(commanded, case_log.c.kind == kind.value, ~answered)
    rows = conn.execute(query.order_by(case_log.c.seq).limit(limit))
    return tuple(_read(row) for row in rows)


def _read(row: Row[tuple[object, ...]]) -> LogEntry:
    given = dict(row._mapping)
    return LogEntry.model_validate({"entry_id": given.pop("id"), **given})
