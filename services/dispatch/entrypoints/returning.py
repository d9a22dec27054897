"""退件: refused, disputed, arbitrated; and the list of what waits for the arbiter."""

from qipan.contracts.case import Remark, Return
from qipan.contracts.commands import CaseAnswer
from qipan.contracts.queries import CaseList
from qipan.contracts.returns import ArbitrateReturn, DisputeReturn, ListDisputes, RefuseReturn
from qipan.messaging.service import Received, Work, answer
from qipan.tenancy import TenantKind, base_of, in_shadow, shadow_of
from services.dispatch import disputes, returns
from services.dispatch.change import Stored
from services.dispatch.commanding import Asked, Sent
from services.dispatch.entrypoints.commands_again import CommandsAgain
from services.dispatch.filing import task_id_of
from services.dispatch.handover import commander
from services.dispatch.process import Do
from services.dispatch.steps import Brings
from services.dispatch.worklist import Cursor


class Returning(CommandsAgain):
    """What becomes of a returned case."""

    @answer(RefuseReturn)
    def refuse_return(self, work: Work, call: Received[RefuseReturn]) -> CaseAnswer:
        """退件不准: back to the unit, and counted; where it may not be commanded any more, its department is asked."""
        before, why = self._find(work, call), call.data.reason
        remark = self._remark(work, call, before, why)
        returned = returns.remarked(before.case, "refused", remark)
        return self._back_to_unit(work, call, before, Do.REFUSE_RETURN, why, returned, {"reason": why})

    @answer(DisputeReturn)
    def dispute_return(self, work: Work, call: Received[DisputeReturn]) -> CaseAnswer:
        """申请裁决."""
        before, why = self._find(work, call), call.data.reason
        remark = self._remark(work, call, before, why)
        brings = Brings(reason=why, returned=returns.remarked(before.case, "disputed", remark))
        return self._act(work, call, before, Do.DISPUTE, brings, {"reason": why})

    @answer(ArbitrateReturn)
    def arbitrate_return(self, work: Work, call: Received[ArbitrateReturn]) -> CaseAnswer:
        """裁决: the return holds, and somebody else is found, or it does not."""
        before, asked = self._find(work, call), call.data
        remark = self._remark(work, call, before, asked.reason, asked.authority)
        detail = {"reason": asked.reason, "authority": remark.authority or ""}
        returned = returns.remarked(before.case, "allowed" if asked.justified else "denied", remark)
        if asked.justified:
            brings = Brings(reason=asked.reason, returned=returned)
            return self._act(work, call, before, Do.ALLOW_RETURN, brings, detail)
        return self._back_to_unit(work, call, before, Do.DENY_RETURN, asked.reason, returned, detail)

    @answer(ListDisputes)
    def list_disputes(self, work: Work, call: Received[ListDisputes]) -> CaseList:
        """What waits for the arbiter, oldest deadline first."""
        call.grant.require(tenant=call.tenant)
        district = self.process.district
        tenants = [call.tenant]
        if district.tenant(call.tenant).kind is TenantKind.DISTRICT:
            tenants = [in_shadow(base_of(id), shadow_of(call.tenant)) for id in district.tenants]
        after = Cursor.parse(call.data.after) if call.data.after else None
        page, more = disputes.waiting(work.conn, tenants, after, call.data.limit)
        return CaseList(cases=page, next=more)

    def _remark(
        self, work: Work, call: Received, before: Stored, reason: str, authority: str | None = None
    ) -> Remark:
        actor = self._actor(call, before)
        if authority is None and returns.ARBITER in actor.roles:
            authority = f"{self.process.district.id}: {self.grounds.arbiter(before.case.tenant)}"
        return Remark(by=actor.id, at=work.now(before.case.tenant), reason=reason, authority=authority)

    def _back_to_unit(
        self,
        work: Work,
        call: Received,
        before: Stored,
        do: Do,
        reason: str,
        returned: Return | None,
        detail: dict[str, str],
    ) -> CaseAnswer:
        """The task goes back under its own id to the one who returned it; to the unit, when they have left.

        To a unit that may not be commanded any more it goes only through its department.
        """
        case = before.case
        known = case.returned
        right = self._right_to_send_back(work, call, case, known.unit) if known and known.unit else None
        still_there = known is not None and known.worker in self.grounds.workers(commander(case))
        brings = Brings(
            reason=reason,
            worker=known.worker if known and still_there else None,
            task_id=(known and known.task_id) or task_id_of(case.case_id, case.counters.offers + 1),
            mandate=right.mandate if isinstance(right, Sent) else None,
            returned=returned,
        )
        answered = self._act(work, call, before, do, brings, detail)
        return self._ask_instead(work, call, before, answered, right if isinstance(right, Asked) else None)
