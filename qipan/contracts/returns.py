"""Returns (退件) and what follows: refused by the dispatcher, disputed by the unit, decided by the arbiter."""

from typing import Annotated, ClassVar

from pydantic import Field

from qipan.contracts.base import Query
from qipan.contracts.commands import CaseCommand
from qipan.contracts.queries import CaseList, Limit

Reason = Annotated[str, Field(min_length=1, max_length=4000)]


class RefuseReturn(CaseCommand):
    """退件不准: the return is unjustified and counts as buck-passing; the task is the same unit's again."""

    type: ClassVar[str] = "return.refuse.v1"
    reason: Reason


class DisputeReturn(CaseCommand):
    """申请裁决: the unit objects to the refusal, once, before it takes the task; the district's arbiter decides."""

    type: ClassVar[str] = "return.dispute.v1"
    reason: Reason


class ArbitrateReturn(CaseCommand):
    """裁决: the arbiter's decision, which is final. `authority`: the rule or list of duties that it rests on."""

    type: ClassVar[str] = "return.arbitrate.v1"
    justified: bool
    reason: Reason
    authority: str | None = Field(default=None, max_length=500)


class ListDisputes(Query[CaseList]):
    """The cases that wait for the arbiter: of the tenant addressed, or of all when that is the district.

    Disputed returns, and hand-overs that were refused or not answered in time.
    """

    type: ClassVar[str] = "dispute.list.v1"
    service: ClassVar[str] = "dispatch"
    limit: Limit = 100
    after: str | None = None
