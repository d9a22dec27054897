"""Hand-over (移交): “not ours” says whose, and the receiving side accepts or refuses."""

from typing import Annotated, ClassVar

from pydantic import Field

from qipan.contracts.base import Event, Query
from qipan.contracts.case import CaseState
from qipan.contracts.commands import CaseCommand, Id
from qipan.contracts.queries import CaseList, Limit

Reason = Annotated[str, Field(min_length=1, max_length=4000)]


class HandOver(CaseCommand):
    """Whoever has the case says that it is another's: a unit of the town, another town, or the district (`to`)."""

    type: ClassVar[str] = "handover.ask.v1"
    to: Id
    reason: Reason


class AcceptHandover(CaseCommand):
    """The receiving side takes the case over: a town's or the district's dispatcher, or a worker of the unit."""

    type: ClassVar[str] = "handover.accept.v1"


class RefuseHandover(CaseCommand):
    """Not theirs either: between tenants the district decides then, between units the town's dispatcher."""

    type: ClassVar[str] = "handover.refuse.v1"
    reason: Reason


class WithdrawHandover(CaseCommand):
    """Who offered the case, or whoever commands it, takes the offer back while nobody has answered it."""

    type: ClassVar[str] = "handover.withdraw.v1"
    reason: Reason


class DecideHandover(CaseCommand):
    """The district's arbiter says whose the case is, finally: a town's (also where it came from) or the district's.

    Once the other town refused it, or did not answer in time.
    """

    type: ClassVar[str] = "handover.decide.v1"
    to: Id
    reason: Reason
    authority: str | None = Field(default=None, max_length=500)


class ListHandovers(Query[CaseList]):
    """The open cases that the addressed tenant hands over, is asked to take, or has taken; the district's: all."""

    type: ClassVar[str] = "handover.list.v1"
    service: ClassVar[str] = "dispatch"
    limit: Limit = 100
    after: str | None = None


class HandoverAsked(Event):
    """A tenant is asked to take a case over; addressed to that tenant, wherever the case arose."""

    type: ClassVar[str] = "handover.asked.v1"
    case: CaseState


class HandoverWithdrawn(Event):
    """A tenant is asked no longer to take a case over; addressed to that tenant, wherever the case arose."""

    type: ClassVar[str] = "handover.withdrawn.v1"
    case: CaseState
