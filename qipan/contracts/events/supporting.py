"""Joint handling (联合处置): the child tasks of supporting units."""

from typing import ClassVar

from qipan.contracts.events.case_event import CaseEvent


class CaseSupportAsked(CaseEvent):
    """联合处置: another unit was asked to help; the newest of `case.supports`."""

    type: ClassVar[str] = "case.support.asked.v1"


class CaseSupportAccepted(CaseEvent):
    """A supporting unit took its child task."""

    type: ClassVar[str] = "case.support.accepted.v1"


class CaseSupportDeparted(CaseEvent):
    """A supporting unit's worker set off: the child task's `leg` says so."""

    type: ClassVar[str] = "case.support.departed.v1"


class CaseSupportArrived(CaseEvent):
    """A supporting unit's worker is on the scene."""

    type: ClassVar[str] = "case.support.arrived.v1"


class CaseSupportFinished(CaseEvent):
    """A supporting unit reported its part done, with evidence."""

    type: ClassVar[str] = "case.support.finished.v1"


class CaseSupportReturned(CaseEvent):
    """A supporting unit gave its child task back, with a reason."""

    type: ClassVar[str] = "case.support.returned.v1"


class CaseSupportOverdue(CaseEvent):
    """A supporting unit did not take its child task in time: a dispatcher asks another, or excuses it."""

    type: ClassVar[str] = "case.support.overdue.v1"


class CaseSupportExcused(CaseEvent):
    """A dispatcher lets the case go on without one unit's part."""

    type: ClassVar[str] = "case.support.excused.v1"


SUPPORT_EVENTS: tuple[type[CaseEvent], ...] = (
    CaseSupportAsked,
    CaseSupportAccepted,
    CaseSupportDeparted,
    CaseSupportArrived,
    CaseSupportFinished,
    CaseSupportReturned,
    CaseSupportOverdue,
    CaseSupportExcused,
)
