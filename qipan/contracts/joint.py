"""Joint handling (联合处置): a lead unit (主办) has the case, supporting units (协办) have child tasks beside it."""

from typing import Annotated, ClassVar

from pydantic import Field

from qipan.contracts.base import Event
from qipan.contracts.case import CaseState
from qipan.contracts.commands import CaseCommand, Evidence, Id, Text

Reason = Annotated[str, Field(min_length=1, max_length=4000)]


class OpenSupport(CaseCommand):
    """A dispatcher asks another unit (and a worker of it) to help; `reason`: what it is asked to do.

    `instead_of`: the child task of a unit that does not do it, which is excused by the same step.
    """

    type: ClassVar[str] = "support.open.v1"
    unit: Id
    worker: Id | None = None
    reason: Reason
    instead_of: Id | None = None


class SupportCommand(CaseCommand):
    """Something about one child task of a case, by its id in `case.supports`."""

    task_id: Id


class AcceptSupport(SupportCommand):
    """The supporting unit's worker takes the child task."""

    type: ClassVar[str] = "support.accept.v1"


class FinishSupport(SupportCommand):
    """The worker reports the unit's part done; at least one piece of evidence is required."""

    type: ClassVar[str] = "support.finish.v1"
    note: Text = ""
    evidence: Annotated[Evidence, Field(min_length=1)]


class ReturnSupport(SupportCommand):
    """The supporting unit gives its child task back; a dispatcher excuses it, or asks another unit besides."""

    type: ClassVar[str] = "support.return.v1"
    reason: Reason


class ExcuseSupport(SupportCommand):
    """A dispatcher lets the case go on without this unit's part."""

    type: ClassVar[str] = "support.excuse.v1"
    reason: Reason


class SupportAsked(Event):
    """A unit was asked to help; addressed to the tenant that the unit belongs to (a department's own)."""

    type: ClassVar[str] = "support.asked.v1"
    task_id: str
    case: CaseState
