"""Hand-overs (移交)."""

from typing import ClassVar

from qipan.contracts.events.case_event import CaseEvent


class CaseHandoverAsked(CaseEvent):
    """移交: whoever has the case says that it is another's (`case.handover.to`)."""

    type: ClassVar[str] = "case.handover.asked.v1"


class CaseHandoverAccepted(CaseEvent):
    """Another tenant has taken the case over: its dispatcher finds somebody."""

    type: ClassVar[str] = "case.handover.accepted.v1"


class CaseHandoverTaken(CaseEvent):
    """A worker of another unit of the town has taken the case over."""

    type: ClassVar[str] = "case.handover.taken.v1"


class CaseHandoverRefused(CaseEvent):
    """The one who was asked to take the case over refused."""

    type: ClassVar[str] = "case.handover.refused.v1"


class CaseHandoverUnanswered(CaseEvent):
    """Nobody answered the hand-over in time: the district's arbiter decides, unless the other town is faster."""

    type: ClassVar[str] = "case.handover.unanswered.v1"


class CaseHandoverUndecided(CaseEvent):
    """The district's arbiter has not decided about the hand-over in time; told once."""

    type: ClassVar[str] = "case.handover.undecided.v1"


class CaseHandoverWithdrawn(CaseEvent):
    """Who offered the case took the offer back before anybody answered."""

    type: ClassVar[str] = "case.handover.withdrawn.v1"


class CaseHandoverDecided(CaseEvent):
    """The district said whose the case is."""

    type: ClassVar[str] = "case.handover.decided.v1"


HANDOVER_EVENTS: tuple[type[CaseEvent], ...] = (
    CaseHandoverAsked,
    CaseHandoverAccepted,
    CaseHandoverTaken,
    CaseHandoverRefused,
    CaseHandoverUnanswered,
    CaseHandoverUndecided,
    CaseHandoverWithdrawn,
    CaseHandoverDecided,
)
