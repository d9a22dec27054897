"""移交: asked, answered, decided; and the list that all parties share."""

from collections.abc import Sequence
from datetime import datetime

from qipan.contracts.case import OPEN_STAGES, Handover, HandoverState, Remark
from qipan.contracts.commands import CaseAnswer
from qipan.contracts.errors import Invalid, NotFound
from qipan.contracts.handover import (
    AcceptHandover,
    DecideHandover,
    HandOver,
    HandoverAsked,
    HandoverWithdrawn,
    ListHandovers,
    RefuseHandover,
    WithdrawHandover,
)
from qipan.contracts.queries import CaseList
from qipan.messaging.service import Received, Timer, Work, answer, on_timer
from qipan.tenancy import TenantKind, in_shadow, shadow_of
from qipan.territory.cell import DUTY_LAYER
from qipan.worktime import Limit
from services.dispatch import handover, handovers
from services.dispatch.acting import Acting
from services.dispatch.change import Change, Stored
from services.dispatch.filing import task_id_of
from services.dispatch.firing import of_free_cases
from services.dispatch.process import Do
from services.dispatch.steps import SYSTEM, Brings
from services.dispatch.telling import HANDOVER_DUE


class HandingOver(Acting):
    """A case changes hands."""

    @answer(HandOver)
    def hand_over(self, work: Work, call: Received[HandOver]) -> CaseAnswer:
        """“Not ours”, and whose: whoever has it keeps it until it is taken over."""
        before, said = self._find(work, call), call.data
        case, actor = before.case, self._actor(call, before)
        units = [squad.unit.id for squad in self.grounds.of(handover.commander(case)).squads]
        now = work.now(case.tenant)
        due_at = self._until(case.tenant, now, self.grounds.handover_limit(case.tenant))
        began = handover.asked(
            case, actor, said.to, said.reason, now, units, self._tenants(case.tenant), due_at
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
            after = handover.answered(now, HandoverState.ACCEPTED, holder=handover.taken(case, to))
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
            handover=handover.answered(now, HandoverState.ACCEPTED),
        )
        why = f"under {mandate.words()}" if mandate else f"on the account of {unit.department}"
        detail = {"to": now.to, "from": case.unit or "", "why": why}
        return self._act(work, call, before, Do.TAKE_TASK_OVER, brings, detail, unit_tenant=unit.tenant)

    @answer(RefuseHandover)
    def refuse_handover(self, work: Work, call: Received[RefuseHandover]) -> CaseAnswer:
        """Not theirs either."""
        before, why = self._find(work, call, asked=True), call.data.reason
        remark = self._said(work, call, before, why)
        tenant = before.case.tenant
        decide_by = self._until(tenant, remark.at, self.grounds.arbitration_limit(tenant))
        after = handover.refused(before.case.handover, remark, decide_by)
        return self._act(
            work, call, before, Do.REFUSE_HANDOVER, Brings(reason=why, handover=after), {"reason": why}
        )

    @answer(WithdrawHandover)
    def withdraw_handover(self, work: Work, call: Received[WithdrawHandover]) -> CaseAnswer:
        """Taken back while nobody has answered: whoever has the case goes on with it."""
        before, why = self._find(work, call), call.data.reason
        now = before.case.handover
        update = {"withdrawn": self._said(work, call, before, why), "due_at": None}
        after = now.model_copy(update=update) if now else None
        brings, detail = Brings(reason=why, handover=after), {"reason": why, "to": now.to if now else ""}
        answered = self._act(work, call, before, Do.WITHDRAW_HANDOVER, brings, detail)
        if now is not None and "/" not in now.to:
            told = HandoverWithdrawn(case=answered.case)
            work.publish(told, tenant=now.to, subject=before.case.case_id, trace=call.traceparent)
        return answered

    @on_timer(HANDOVER_DUE)
    def handover_due(self, work: Work, due: Sequence[Timer]) -> None:
        """Nobody answered in time: the district's arbiter is to decide; or that, too, took too long. Once for each."""
        changes = []
        for timer, before in of_free_cases(work, due):
            ours = before.case.handover
            if ours is None or timer.payload != handover.due_of(ours) or before.case.stage not in OPEN_STAGES:
                continue
            tenant, now = timer.tenant, work.now(timer.tenant)
            decide_by = self._until(tenant, now, self.grounds.arbitration_limit(tenant))
            after = handover.timed_out(ours, now, decide_by)
            late = Do.HANDOVER_UNDECIDED if after.undecided_at else Do.HANDOVER_UNANSWERED
            changes.append(self._timed_out(work, before, late, after, now))
        self._record(work, changes)

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
        holder = handover.taken(case, said.to)
        after = handover.answered(
            case.handover, HandoverState.ACCEPTED, to=said.to, holder=holder, decided=remark
        )
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

    def _timed_out(self, work: Work, before: Stored, do: Do, after: Handover, now: datetime) -> Change:
        stored = self._after_step(work, before, do, SYSTEM, Brings(handover=after))
        detail = {"to": after.to, "due_at": after.due_at.isoformat() if after.due_at else ""}
        return Change(before, stored, self._row(before, do), SYSTEM.id, now, detail=detail)

    def _until(self, tenant: str, start: datetime, limit: Limit) -> datetime:
        return self.process.district.deadline(tenant, start, limit)

    def _said(
        self, work: Work, call: Received, before: Stored, reason: str, authority: str | None = None
    ) -> Remark:
        return Remark(by=call.grant.sub, at=work.now(before.case.tenant), reason=reason, authority=authority)
