"""移交: asked, answered, decided; and the list that all parties share."""

from qipan.contracts.case import HandoverState, Remark
from qipan.contracts.commands import CaseAnswer
from qipan.contracts.errors import Invalid, NotFound
from qipan.contracts.handover import (
    AcceptHandover,
    DecideHandover,
    HandOver,
    HandoverAsked,
    ListHandovers,
    RefuseHandover,
)
from qipan.contracts.queries import CaseList
from qipan.messaging.service import Received, Work, answer
from qipan.tenancy import TenantKind, in_shadow, shadow_of
from qipan.territory.cell import DUTY_LAYER
from services.dispatch import handover, handovers
from services.dispatch.acting import Acting
from services.dispatch.change import Stored
from services.dispatch.filing import task_id_of
from services.dispatch.process import Do
from services.dispatch.steps import Brings


class HandingOver(Acting):
    """A case changes hands."""

    @answer(HandOver)
    def hand_over(self, work: Work, call: Received[HandOver]) -> CaseAnswer:
        """“Not ours”, and whose: whoever has it keeps it until it is taken over."""
        before, said = self._find(work, call), call.data
        case, actor = before.case, self._actor(call, before)
        units = [squad.unit.id for squad in self.grounds.of(handover.commander(case)).squads]
        began = handover.asked(
            case, actor, said.to, said.reason, work.now(case.tenant), units, self._tenants(case.tenant)
        )
        detail = {"to": said.to, "reason": said.reason}
        answered = self._act(
            work, call, before, Do.HAND_OVER, Brings(reason=said.reason, handover=began), detail
        )
        if said.to not in units:
            told = HandoverAsked(case=answered.case)
            work.publish(told, tenant=said.to, subject=case.case_id, trace=call.traceparent)
        return answered

    @answer(AcceptHandover)
    def accept_handover(self, work: Work, call: Received[AcceptHandover]) -> CaseAnswer:
        """Taken over: by a tenant, whose dispatcher finds somebody, or by a worker of the unit."""
        before = self._find(work, call, asked=True)
        case = before.case
        now = case.handover
        if now is None or "/" not in now.to:
            to = now.to if now else ""
            update = {"state": HandoverState.ACCEPTED, "holder": handover.taken(case, to)}
            after = now.model_copy(update=update) if now else None
            detail = {"to": to, "from": case.unit or ""}
            return self._act(work, call, before, Do.TAKE_OVER, Brings(handover=after), detail, unit_tenant=to)
        unit = self.grounds.unit(handover.commander(case), now.to)
        if unit is None:
            raise NotFound(f"There is no unit {now.to!r} any more.")
        ground = self.grounds_now(work, (handover.commander(case),))[handover.commander(case)]
        mandate = ground.book.given(
            unit.department,
            ground.concern(case.matter),
            case.place.cells.get(DUTY_LAYER),
            work.now(case.tenant),
        )
        brings = Brings(
            department=unit.department,
            unit=unit.id,
            mandate=mandate.id if mandate else None,
            task_id=task_id_of(case.case_id, case.counters.offers + 1),
            handover=now.model_copy(update={"state": HandoverState.ACCEPTED}),
        )
        why = f"under {mandate.words()}" if mandate else f"on the account of {unit.department}"
        detail = {"to": now.to, "from": case.unit or "", "why": why}
        return self._act(work, call, before, Do.TAKE_TASK_OVER, brings, detail, unit_tenant=unit.tenant)

    @answer(RefuseHandover)
    def refuse_handover(self, work: Work, call: Received[RefuseHandover]) -> CaseAnswer:
        """Not theirs either."""
        before, why = self._find(work, call, asked=True), call.data.reason
        remark = self._said(work, call, before, why)
        now = before.case.handover
        after = now.model_copy(update={"state": HandoverState.REFUSED, "refused": remark}) if now else None
        return self._act(
            work, call, before, Do.REFUSE_HANDOVER, Brings(reason=why, handover=after), {"reason": why}
        )

    @answer(DecideHandover)
    def decide_handover(self, work: Work, call: Received[DecideHandover]) -> CaseAnswer:
        """The district says whose it is."""
        before, said = self._find(work, call), call.data
        case = before.case
        tenants = self._tenants(case.tenant)
        if said.to not in tenants:
            raise Invalid(f"{said.to!r} is no town of this district, nor the district.")
        authority = said.authority or f"{self.process.district.id}: {self.grounds.arbiter(case.tenant)}"
        remark = self._said(work, call, before, said.reason, authority)
        now = case.handover
        update = {
            "to": said.to,
            "state": HandoverState.ACCEPTED,
            "holder": handover.taken(case, said.to),
            "decided": remark,
        }
        after = now.model_copy(update=update) if now else None
        detail = {"to": said.to, "reason": said.reason, "authority": authority}
        brings = Brings(reason=said.reason, handover=after)
        return self._act(work, call, before, Do.DECIDE_HANDOVER, brings, detail, unit_tenant=said.to)

    @answer(ListHandovers)
    def list_handovers(self, work: Work, call: Received[ListHandovers]) -> CaseList:
        """What the tenant hands over, is asked to take, or has taken; the district sees all of it."""
        call.grant.require(tenant=call.tenant)
        district = self.process.district
        above = district.tenant(call.tenant).kind is TenantKind.DISTRICT
        towns = self._tenants(call.tenant) if above else ()
        after = handovers.Place.parse(call.data.after) if call.data.after else None
        page, more = handovers.listed(work.conn, call.tenant, towns, after, call.data.limit)
        return CaseList(cases=page, next=more)

    def _tenants(self, tenant: str) -> tuple[str, ...]:
        """Whose a case can become: the district's and its towns', in the same exercise."""
        tenants = self.process.district.tenants.items()
        able = [id for id, one in tenants if one.kind is not TenantKind.DEPARTMENT]
        return tuple(in_shadow(id, shadow_of(tenant)) for id in able)

    def _said(
        self, work: Work, call: Received, before: Stored, reason: str, authority: str | None = None
    ) -> Remark:
        return Remark(by=call.grant.sub, at=work.now(before.case.tenant), reason=reason, authority=authority)
