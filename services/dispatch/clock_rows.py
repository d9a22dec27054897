"""The clocks' rows: each run of each clock, running, timed out, paused or finished, in a fixed number of statements.

An open case has one row that has not ended: it is paused while the case is suspended, and otherwise runs until the
case's deadline.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, text

from services.dispatch.change import Change
from services.dispatch.clocks import paused, running
from services.dispatch.process import Do
from services.dispatch.statements import columns, unnest
from services.dispatch.tables import SCHEMA


class ClockStatus(StrEnum):
    """What a run of a clock does, or how it ended."""

    RUNNING = "running"
    TIMED_OUT = "timed-out"  # ran out; ends when the stage is left all the same
    PAUSED = "paused"
    FINISHED = "finished"  # the stage was left in time


def write(conn: Connection, changes: Sequence[Change]) -> None:
    """Record what steps on different cases did to their clocks."""
    overdue = [_mark(change) for change in changes if change.what == Do.OVERDUE]
    if overdue:
        conn.execute(_OVERDUE, columns(_MARK, overdue))
    paused_now = [_pausing(change) for change in changes if _pauses(change)]
    if paused_now:
        conn.execute(_PAUSE, columns(_PAUSED, paused_now))
    moved = [change for change in changes if _moves(change) and not _pauses(change)]
    later = [_mark(change, change.after.case.due_at) for change in moved if _only_later(change)]
    if later:
        conn.execute(_MOVE, columns(_MARK, later))
    moved = [change for change in moved if not _only_later(change)]
    ended = [_mark(change) for change in moved if change.before is not None]
    if ended:
        conn.execute(_END, columns(_MARK, ended))
    started = [
        (case.tenant, case.case_id, case.version, run.clock, run.started_at, run.due_at)
        for case in (change.after.case for change in moved)
        if (run := running(case)) is not None
    ]
    if started:
        conn.execute(_START, columns(_STARTED, started))


def _moves(change: Change) -> bool:
    if change.before is None:
        return True
    before, after = change.before.case, change.after.case
    return running(before) != running(after) or paused(before) != paused(after)


def _pauses(change: Change) -> bool:
    return change.before is not None and paused(change.after.case) and not paused(change.before.case)


def _only_later(change: Change) -> bool:
    """The same run goes on, with another deadline."""
    if change.before is None:
        return False
    before, after = running(change.before.case), running(change.after.case)
    return (
        before is not None
        and after is not None
        and (before.clock, before.started_at) == (after.clock, after.started_at)
    )


def _mark(change: Change, at: Any = None) -> tuple[Any, ...]:
    return (change.after.case.tenant, change.after.case.case_id, at or change.at)


def _pausing(change: Change) -> tuple[Any, ...]:
    case = change.after.case
    rest = case.clock.left_seconds if case.clock else None
    return (case.tenant, case.case_id, change.at, rest or 0.0)


_STARTED = {
    "tenant": "text",
    "case_id": "text",
    "version": "int",
    "clock": "text",
    "started_at": "timestamptz",
    "due_at": "timestamptz",
}
_MARK = {"tenant": "text", "case_id": "text", "at": "timestamptz"}
_PAUSED = {**_MARK, "rest": "float8"}

_OPEN = "c.tenant = n.tenant AND c.case_id = n.case_id AND c.ended_at IS NULL"
_START = text(f"INSERT INTO {SCHEMA}.clocks ({', '.join(_STARTED)}) SELECT * FROM {unnest(_STARTED)}")
_END = text(
    f"UPDATE {SCHEMA}.clocks c SET ended_at = n.at,"
    f" state = CASE c.state WHEN '{ClockStatus.RUNNING}' THEN '{ClockStatus.FINISHED}' ELSE c.state END"
    f" FROM {unnest(_MARK)} AS n({', '.join(_MARK)}) WHERE {_OPEN}"
)
_MOVE = text(
    f"UPDATE {SCHEMA}.clocks c SET due_at = n.at FROM {unnest(_MARK)} AS n({', '.join(_MARK)}) WHERE {_OPEN}"
)
_PAUSE = text(
    f"UPDATE {SCHEMA}.clocks c SET paused_at = n.at, left_seconds = n.rest, state = '{ClockStatus.PAUSED}'"
    f" FROM {unnest(_PAUSED)} AS n({', '.join(_PAUSED)}) WHERE {_OPEN}"
)
_OVERDUE = text(
    f"UPDATE {SCHEMA}.clocks c SET overdue_at = n.at, state = '{ClockStatus.TIMED_OUT}'"
    f" FROM {unnest(_MARK)} AS n({', '.join(_MARK)}) WHERE {_OPEN} AND c.overdue_at IS NULL"
)
