"""The closed loop: filed, dispatched, taken, disposed of, inspected, closed."""

from typing import ClassVar

from qipan.contracts.base import Event
from qipan.contracts.case import CaseState
from qipan.contracts.events.case_event import CaseEvent


class CaseFiled(CaseEvent):
    """立案; when a handler could be chosen at once, already offered (stage `offered`)."""

    type: ClassVar[str] = "case.filed.v1"


class CaseDispatched(CaseEvent):
    """派遣: offered to a unit and a worker by a dispatcher, or offered again."""

    type: ClassVar[str] = "case.dispatched.v1"


class CaseAccepted(CaseEvent):
    """The handler took the task."""

    type: ClassVar[str] = "case.accepted.v1"


class CaseDeparted(CaseEvent):
    """The handler is on the way (`case.leg`)."""

    type: ClassVar[str] = "case.departed.v1"


class CaseArrived(CaseEvent):
    """The handler is on the scene (`case.leg`)."""

    type: ClassVar[str] = "case.arrived.v1"


class CaseDisposed(CaseEvent):
    """处置: the handler reported it done, with evidence."""

    type: ClassVar[str] = "case.disposed.v1"


class CaseInspected(CaseEvent):
    """核查: someone else looked, and it was good."""

    type: ClassVar[str] = "case.inspected.v1"


class CaseReworked(CaseEvent):
    """返工: someone else looked, and it was not good."""

    type: ClassVar[str] = "case.reworked.v1"


class CaseClosed(CaseEvent):
    """结案."""

    type: ClassVar[str] = "case.closed.v1"


class CaseVoided(CaseEvent):
    """作废."""

    type: ClassVar[str] = "case.voided.v1"


class CaseMoved(CaseEvent):
    """A step of a town's own within one of the district's stages; `case.own_stage` says where it stands."""

    type: ClassVar[str] = "case.moved.v1"


class CaseWithdrawn(CaseEvent):
    """The task is taken away, and a dispatcher decides whose the case is: reworked too often, or its worker left.

    `case.reason` says which.
    """

    type: ClassVar[str] = "case.withdrawn.v1"


class TaskOffered(Event):
    """A task was offered to a unit; addressed to the tenant that the unit belongs to (a department's own)."""

    type: ClassVar[str] = "task.offered.v1"
    task_id: str
    case: CaseState


LOOP_EVENTS: tuple[type[CaseEvent], ...] = (
    CaseFiled,
    CaseDispatched,
    CaseAccepted,
    CaseDeparted,
    CaseArrived,
    CaseDisposed,
    CaseInspected,
    CaseReworked,
    CaseClosed,
    CaseVoided,
    CaseMoved,
    CaseWithdrawn,
)
