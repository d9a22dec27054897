"""Clocks: what ran out, and time that was asked for and given."""

from typing import ClassVar

from qipan.contracts.events.case_event import CaseEvent


class CaseOverdue(CaseEvent):
    """A stage's clock ran out."""

    type: ClassVar[str] = "case.overdue.v1"


class CaseEscalated(CaseEvent):
    """A clock that ran out was told one level higher (`case.clock.escalated`)."""

    type: ClassVar[str] = "case.escalated.v1"


class CaseTimeAsked(CaseEvent):
    """The handler asked for more or other time (`case.clock.asked`); the deadline runs on until it is approved."""

    type: ClassVar[str] = "time.asked.v1"


class CaseTimeEndorsed(CaseEvent):
    """The department endorsed what was asked for (`case.clock.asked.endorsed`), which now waits for a decision."""

    type: ClassVar[str] = "time.endorsed.v1"


class CaseTimeUnendorsed(CaseEvent):
    """The department did not endorse what was asked for, which ends it; the deadline is what it was."""

    type: ClassVar[str] = "time.unendorsed.v1"


class CaseTimeRefused(CaseEvent):
    """What was asked for was refused; the deadline is what it was."""

    type: ClassVar[str] = "time.refused.v1"


class CaseExtended(CaseEvent):
    """延期: the deadline is later."""

    type: ClassVar[str] = "case.extended.v1"


class CaseDeferred(CaseEvent):
    """缓办: the time to dispose begins later (`case.clock.starts_at`)."""

    type: ClassVar[str] = "case.deferred.v1"


class CaseSuspended(CaseEvent):
    """挂账: the clock stands still; the case is in the library of open problems (问题库)."""

    type: ClassVar[str] = "case.suspended.v1"


class CaseResumed(CaseEvent):
    """A suspended case goes on, with the time that was left."""

    type: ClassVar[str] = "case.resumed.v1"


TIME_EVENTS: tuple[type[CaseEvent], ...] = (
    CaseOverdue,
    CaseEscalated,
    CaseTimeAsked,
    CaseTimeEndorsed,
    CaseTimeUnendorsed,
    CaseTimeRefused,
    CaseExtended,
    CaseDeferred,
    CaseSuspended,
    CaseResumed,
)
