"""What was asked for about time, kept beside the cases: the list that waits for a decision, and the library of
suspended cases (问题库). Rows follow from what a step did to the case's clock."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import Connection, Text, cast, literal, select, text, tuple_

from qipan.contracts.case import CaseState, ClockState
from qipan.contracts.errors import Fault, Invalid
from qipan.contracts.timing import TimeKind
from services.dispatch.calendar_gap import PERSON, reason
from services.dispatch.change import Change
from services.dispatch.handovers import commanded_by
from services.dispatch.process import Do
from services.dispatch.statements import columns, unnest
from services.dispatch.tables import SCHEMA, cases, time_requests
from services.dispatch.timed import DISTRICT_LEVEL, TOWN_LEVEL

CALENDAR = "calendar"
"""The kind of a row that nobody asked for: the calendar lacks the year."""


class RequestState(StrEnum):
    """What became of a request."""

    OPEN = "open"
    APPROVED = "approved"
    REFUSED = "refused"
    LAPSED = "lapsed"  # the deadline passed or the case went on before anybody decided


_APPROVED = frozenset({Do.EXTEND.value, Do.DEFER.value, Do.SUSPEND.value})
_REFUSED = frozenset({Do.REFUSE_TIME.value, Do.REFUSE_ENDORSEMENT.value})


def write(conn: Connection, changes: Sequence[Change]) -> None:
    """Record what steps on different cases asked for, decided and ended; mostly nothing."""
    touched = [change for change in changes if _clock(change, before=True) != change.after.case.clock]
    if not touched:
        return
    decided = [row for change in touched for row in _decided(change)]
    if decided:
        conn.execute(_DECIDE, columns(_DECIDED, decided))
    endorsed = [row for change in touched for row in _endorsed(change)]
    if endorsed:
        conn.execute(_ENDORSE, columns(_ENDORSED, endorsed))
    asked = [row for change in touched for row in _asked(change)]
    if asked:
        conn.execute(_ASK, columns(_ASKED, asked))
    resumed = [_key(change) for change in touched if _ends_suspension(change)]
    if resumed:
        conn.execute(_RESUME, columns(_ENDED, resumed))


def _clock(change: Change, *, before: bool = False) -> ClockState | None:
    if not before:
        return change.after.case.clock
    return change.before.case.clock if change.before else None


def _asked(change: Change) -> Iterator[tuple[Any, ...]]:
    case, was, now = change.after.case, _clock(change, before=True), change.after.case.clock
    if now is None:
        return
    key = (case.tenant, case.case_id, case.version)
    if now.asked is not None and (was is None or was.asked is None):
        one, state = now.asked, RequestState.OPEN.value
        yield *key, one.kind, one.level, one.by, one.at, one.reason, one.until, None, state, one.awaits
    if now.without_year is not None and (was is None or was.without_year is None):
        why, person = reason(now.without_year), change.detail.get(PERSON)
        until, state = case.dispose_due_at, RequestState.OPEN.value
        yield *key, CALENDAR, TOWN_LEVEL, change.who, change.at, why, until, person, state, None


def _endorsed(change: Change) -> Iterator[tuple[Any, ...]]:
    was, now = _clock(change, before=True), change.after.case.clock
    if was and was.asked and was.asked.awaits and now and now.asked and now.asked.endorsed:
        yield *_key(change), now.asked.endorsed.by


def _decided(change: Change) -> Iterator[tuple[Any, ...]]:
    was, now = _clock(change, before=True), change.after.case.clock
    if was is None:
        return
    key = _key(change)
    if was.asked is not None and (now is None or now.asked is None):
        state = RequestState.APPROVED if change.what in _APPROVED else RequestState.LAPSED
        if change.what in _REFUSED:
            state = RequestState.REFUSED
        yield *key, change.who, state.value, was.asked.kind
    if was.without_year is not None and (now is None or now.without_year is None):
        yield *key, change.who, RequestState.LAPSED.value, CALENDAR


def _ends_suspension(change: Change) -> bool:
    was, now = _clock(change, before=True), change.after.case.clock
    return bool(was and was.suspended_at) and not (now and now.suspended_at)


def _key(change: Change) -> tuple[Any, ...]:
    return (change.after.case.tenant, change.after.case.case_id, change.at)


class Row(NamedTuple):
    """A request with its case as it is now."""

    kind: str
    level: str
    by: str
    at: datetime
    reason: str
    until: datetime | None
    person: str | None
    version: int
    awaits: str | None
    endorsed_by: str | None
    order: datetime
    case: CaseState


class Place(NamedTuple):
    """Where a page ended."""

    at: datetime
    case_id: str
    version: int

    @classmethod
    def parse(cls, after: str) -> "Place":
        """Read back `str(place)`; Invalid when it is not one."""
        when, _, rest = after.partition("|")
        case_id, _, version = rest.rpartition("|")
        try:
            return cls(datetime.fromisoformat(when), case_id, int(version))
        except ValueError:
            fault = Fault(where="after", what="not a place in a list", allowed="`next` of the page before")
            raise Invalid("The list cannot go on from there.", faults=(fault,)) from None

    def __str__(self) -> str:
        return f"{self.at.isoformat()}|{self.case_id}|{self.version}"


def waiting(
    conn: Connection,
    tenant: str,
    towns: Sequence[str],
    after: Place | None,
    limit: int,
    endorses: str | None = None,
) -> list[Row]:
    """The first requests that wait for a decision about cases that the tenant commands, oldest first.

    Also those of the district's level in `towns`; with `endorses`, those that this department is to endorse.
    """
    t = time_requests
    here = commanded_by(tenant, t.c.tenant, t.c.case_id)
    if towns:
        here |= t.c.tenant.in_(list(towns)) & (t.c.level == DISTRICT_LEVEL)
    here &= t.c.awaits.is_(None)
    query = _rows(t.c.asked_at, after, limit).where(t.c.state == RequestState.OPEN.value)
    return _read(conn, query.where(here if endorses is None else here | (t.c.awaits == endorses)))


def suspended(
    conn: Connection, tenant: str, towns: Sequence[str], after: Place | None, limit: int
) -> list[Row]:
    """问题库: the first suspended cases that the tenant commands, or of these towns, longest first."""
    t = time_requests
    here = commanded_by(tenant, t.c.tenant, t.c.case_id)
    query = _rows(t.c.decided_at, after, limit).where(
        here | t.c.tenant.in_(list(towns)) if towns else here,
        t.c.kind == TimeKind.SUSPENSION.value,
        t.c.state == RequestState.APPROVED.value,
        t.c.ended_at.is_(None),
    )
    return _read(conn, query)


def _rows(by: Any, after: Place | None, limit: int) -> Any:
    t = time_requests
    query = (
        select(
            t.c.kind,
            t.c.level,
            t.c.asked_by,
            t.c.asked_at,
            t.c.reason,
            t.c.until,
            t.c.person,
            t.c.version,
            t.c.awaits,
            t.c.endorsed_by,
            by.label("ordered"),
            cast(cases.c.state, Text),
        )
        .join(cases, (cases.c.tenant == t.c.tenant) & (cases.c.id == t.c.case_id))
        .order_by(by, t.c.case_id, t.c.version)
        .limit(limit)
    )
    if after is None:
        return query
    return query.where(
        tuple_(by, t.c.case_id, t.c.version)
        > tuple_(literal(after.at), literal(after.case_id), literal(after.version))
    )


def _read(conn: Connection, query: Any) -> list[Row]:
    return [Row(*row[:11], case=CaseState.model_validate_json(row[11])) for row in conn.execute(query)]


_ASKED = {
    "tenant": "text",
    "case_id": "text",
    "version": "int",
    "kind": "text",
    "level": "text",
    "asked_by": "text",
    "asked_at": "timestamptz",
    "reason": "text",
    "until": "timestamptz",
    "person": "text",
    "state": "text",
    "awaits": "text",
}
_ENDED = {"tenant": "text", "case_id": "text", "at": "timestamptz"}
_DECIDED = {**_ENDED, "who": "text", "state": "text", "kind": "text"}
_ENDORSED = {**_ENDED, "who": "text"}
_ENDORSE = text(
    f"UPDATE {SCHEMA}.time_requests r SET awaits = NULL, endorsed_by = n.who, endorsed_at = n.at"
    f" FROM {unnest(_ENDORSED)} AS n({', '.join(_ENDORSED)})"
    " WHERE r.tenant = n.tenant AND r.case_id = n.case_id AND r.state = 'open' AND r.awaits IS NOT NULL"
)
_ASK = text(f"INSERT INTO {SCHEMA}.time_requests ({', '.join(_ASKED)}) SELECT * FROM {unnest(_ASKED)}")
_DECIDE = text(
    f"UPDATE {SCHEMA}.time_requests r SET state = n.state, decided_by = n.who, decided_at = n.at"
    f" FROM {unnest(_DECIDED)} AS n({', '.join(_DECIDED)})"
    " WHERE r.tenant = n.tenant AND r.case_id = n.case_id AND r.kind = n.kind AND r.state = 'open'"
)
_RESUME = text(
    f"UPDATE {SCHEMA}.time_requests r SET ended_at = n.at FROM {unnest(_ENDED)} AS n({', '.join(_ENDED)})"
    " WHERE r.tenant = n.tenant AND r.case_id = n.case_id AND r.kind = 'suspension' AND r.state = 'approved'"
    " AND r.ended_at IS NULL"
)
