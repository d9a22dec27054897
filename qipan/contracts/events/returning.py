"""Returns (退件) and what follows from them."""

from typing import ClassVar

from qipan.contracts.events.case_event import CaseEvent


class CaseReturned(CaseEvent):
    """退件: the handler gave the task back with a reason."""

    type: ClassVar[str] = "case.returned.v1"


class CaseReturnRefused(CaseEvent):
    """退件不准: a dispatcher found the return unjustified; the task is the same unit's again."""

    type: ClassVar[str] = "case.return.refused.v1"


class CaseDisputed(CaseEvent):
    """申请裁决: the unit objects to the refusal; the district's arbiter decides (`own_stage` arbitration)."""

    type: ClassVar[str] = "case.disputed.v1"


class CaseReturnAllowed(CaseEvent):
    """The arbiter found the return justified: a dispatcher finds somebody else."""

    type: ClassVar[str] = "case.return.allowed.v1"


class CaseReturnDenied(CaseEvent):
    """The arbiter found the return unjustified: the task is the unit's, finally."""

    type: ClassVar[str] = "case.return.denied.v1"


RETURN_EVENTS: tuple[type[CaseEvent], ...] = (
    CaseReturned,
    CaseReturnRefused,
    CaseDisputed,
    CaseReturnAllowed,
    CaseReturnDenied,
)
