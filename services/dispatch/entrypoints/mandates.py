"""Mandates: granted, revoked, expired and listed, what becomes of tasks then, and who may handle what."""

from collections.abc import Sequence
from datetime import datetime

from qipan.contracts.errors import Conflict, Fault, Invalid, NotFound, UnknownMatter
from qipan.contracts.mandates import (
    DutyAnswer,
    GrantMandate,
    ListMandates,
    MandateAnswer,
    MandateExpired,
    MandateGranted,
    MandateList,
    MandateRevoked,
    MandateState,
    RevokeMandate,
    WhoMayHandle,
)
from qipan.ids import new_id
from qipan.messaging.service import Received, Timer, Work, answer, on_timer
from qipan.tenancy import TenantKind, base_of, in_shadow, shadow_of
from qipan.tenancy.mandate import to_state
from qipan.territory.cell import DUTY_LAYER
from services.dispatch import commanding, granting, mandate_store
from services.dispatch.acting import Acting
from services.dispatch.change import Change, Stored
from services.dispatch.filing import Ground
from services.dispatch.mandated import MANDATE_ENDS, ends_by_itself, ground_read
from services.dispatch.process import Do
from services.dispatch.steps import SYSTEM, Brings
from services.dispatch.who import who_may_handle


class Mandates(Acting):
    """Mandates, and what follows from them."""

    @answer(GrantMandate)
    def grant_mandate(self, work: Work, call: Received[GrantMandate]) -> MandateAnswer:
        """赋权."""
        asked, district = call.data, self.process.district
        department = granting.department_for(district, call.tenant, asked.department, call.grant.principal)
        now = work.now(in_shadow(asked.town, shadow_of(call.tenant)))
        state = granting.granted(asked, new_id(), department, district, call.grant.sub, call.tenant, now)
        mandate_store.change(work.conn, state.tenant)
        mandate_store.keep(work.conn, state)
        mandate_store.log(work.conn, state, "granted", now, call.grant.sub, call.id)
        ends_by_itself(work, state.tenant, state)
        work.publish(MandateGranted(mandate=state), tenant=state.tenant, subject=state.mandate_id)
        return MandateAnswer(mandate=state)

    @answer(RevokeMandate)
    def revoke_mandate(self, work: Work, call: Received[RevokeMandate]) -> MandateAnswer:
        """撤回赋权, one of the pack's too."""
        asked, district = call.data, self.process.district
        if asked.town not in {town.id for town in district.towns}:
            raise Invalid(faults=(Fault(where="town", what=f"there is no town {asked.town!r}"),))
        tenant = in_shadow(asked.town, shadow_of(call.tenant))
        mandate_store.change(work.conn, tenant)
        state = self._mandate(work, tenant, asked.mandate_id)
        if state is None:
            raise NotFound(f"{asked.town} has no mandate {asked.mandate_id!r}.")
        named = None if district.tenant(call.tenant).kind is TenantKind.DEPARTMENT else state.department
        department = granting.department_for(district, call.tenant, named, call.grant.principal)
        if department != state.department:
            raise NotFound(f"{department} has granted no mandate {asked.mandate_id!r}.")
        if state.ended is not None:
            raise Conflict(f"The mandate was {state.ended} already.", mandate=state.model_dump(mode="json"))
        now, who = work.now(tenant), call.grant.sub
        ended = {
            "ended": "revoked",
            "ended_at": now,
            "ended_by": who,
            "reason": asked.reason,
            "authority": call.tenant,
        }
        state = state.model_copy(update=ended)
        mandate_store.keep(work.conn, state)
        mandate_store.log(work.conn, state, "revoked", now, who, call.id)
        work.publish(MandateRevoked(mandate=state), tenant=tenant, subject=state.mandate_id)
        return self._tasks_after(work, state, who, call.id)

    @on_timer(MANDATE_ENDS)
    def mandate_ends(self, work: Work, due: Sequence[Timer]) -> None:
        """A mandate's time is over: told once, and its tasks seen to. One that the pack has moved ends later."""
        for timer in sorted(due, key=lambda timer: (timer.tenant, timer.ref)):
            tenant = timer.tenant
            mandate_store.change(work.conn, tenant)
            state, now = self._mandate(work, tenant, timer.ref), work.now(tenant)
            if state is None or state.ended is not None or state.valid_until is None:
                continue
            if state.valid_until > now:
                ends_by_itself(work, tenant, state)
                continue
            state = state.model_copy(update={"ended": "expired", "ended_at": state.valid_until})
            mandate_store.keep(work.conn, state)
            mandate_store.log(work.conn, state, "expired", now, SYSTEM.id, None)
            work.publish(MandateExpired(mandate=state), tenant=tenant, subject=state.mandate_id)
            self._tasks_after(work, state, SYSTEM.id, None)

    @answer(ListMandates)
    def list_mandates(self, work: Work, call: Received[ListMandates]) -> MandateList:
        """By town and id: the pack's and those granted since."""
        asked, district, shadow = call.data, self.process.district, shadow_of(call.tenant)
        kind, base = district.tenant(call.tenant).kind, base_of(call.tenant)
        towns = [base] if kind is TenantKind.TOWN else [town.id for town in district.towns]
        department = base if kind is TenantKind.DEPARTMENT else None
        tenants = sorted(in_shadow(town, shadow) for town in towns)
        place, _, id = (asked.after or "|").partition("|")
        after = (place, id)
        over = mandate_store.ended_standing(work.conn, tenants)
        standing = [
            to_state(mandate, tenant)
            for tenant in tenants
            for mandate in district.standing_mandates(tenant)
            if department in (None, mandate.department)
            and (tenant, mandate.id) not in over
            and (tenant, mandate.id) > after
        ]
        kept = mandate_store.page(work.conn, tenants, department, asked.ended, after, asked.limit + 1)
        found = sorted([*standing, *kept], key=lambda state: (state.tenant, state.mandate_id))
        shown = tuple(found[: asked.limit])
        following = f"{shown[-1].tenant}|{shown[-1].mandate_id}" if len(found) > asked.limit else None
        return MandateList(mandates=shown, next=following)

    @answer(WhoMayHandle)
    def who_may_handle(self, work: Work, call: Received[WhoMayHandle]) -> DutyAnswer:
        """Every unit of the town, with yes or no and the rule that decided."""
        asked = call.data
        ground = self.grounds_now(work, (call.tenant,))[call.tenant]
        matter = ground.matters.get(asked.matter)
        if matter is None:
            raise UnknownMatter(
                faults=(Fault(where="matter", what=f"{call.tenant} has no matter {asked.matter!r}"),)
            )
        at = asked.at or work.now(call.tenant)
        if at.tzinfo is None:
            raise Invalid(
                faults=(Fault(where="at", what="has no zone", allowed="2026-07-01T08:00:00+08:00"),)
            )
        return who_may_handle(call.tenant, ground, matter, self._cell(call.tenant, asked, at), at)

    def _mandate(self, work: Work, tenant: str, id: str) -> MandateState | None:
        """A mandate that is kept, or the pack's."""
        kept = mandate_store.find(work.conn, tenant, id)
        if kept is not None:
            return kept
        standing = self.process.district.standing_mandates(tenant)
        return next((to_state(mandate, tenant) for mandate in standing if mandate.id == id), None)

    def _tasks_after(
        self, work: Work, state: MandateState, who: str, message_id: str | None
    ) -> MandateAnswer:
        """What was sent under the mandate and is covered by no other: asked of the department, or going on."""
        tenant = state.tenant
        ground = ground_read(work, self.grounds.of(tenant), self.process.district, tenant)
        units = [s.unit for s in ground.squads if s.unit.department == state.department]
        found = mandate_store.commanded(work.conn, tenant, [unit.id for unit in units])
        changes = [
            change
            for stored in found
            if (change := self._after_end(work, ground, stored, state, who, message_id)) is not None
        ]
        self._record(work, changes)
        continued = sum(change.what == Do.CONTINUE for change in changes)
        return MandateAnswer(mandate=state, referred=len(changes) - continued, continued=continued)

    def _after_end(
        self,
        work: Work,
        ground: Ground,
        before: Stored,
        state: MandateState,
        who: str,
        message_id: str | None,
    ) -> Change | None:
        case, now = before.case, work.now(before.case.tenant)
        cell, department = case.place.cells.get(DUTY_LAYER), state.department
        if ground.book.given(department, ground.concern(case.matter), cell, now) is not None:
            return None
        desk = ground.desks[department]
        ended = "was revoked" if state.ended == "revoked" else "has expired"
        why = f"mandate {state.mandate_id} of {department} {ended}"
        why += f" ({state.reason})" if state.reason else ""
        # Where the case was taken over, the process is still that of the town where it arose.
        process = self.grounds.of(case.tenant).process
        do = granting.step_after_end(case, process, recall=self.grounds.recalls(state.tenant))
        if do is Do.CONTINUE:
            brings, owner = Brings(), None
            detail = {"why": f"{why}; what was taken on goes on", "mandate": state.mandate_id}
        else:
            asked = commanding.Asked(desk, why)
            brings, owner = asked.brings(), desk.tenant
            detail = {**asked.detail(), **desk.waits(case.case_id), "mandate": state.mandate_id}
        after = self._after_step(work, before, do, SYSTEM, brings, owner)
        return Change(before, after, self._row(before, do), who, now, message_id, detail=detail)

    def _cell(self, tenant: str, asked: WhoMayHandle, at: datetime) -> str | None:
        territory = self.process.district.territory
        if (asked.lon is None) != (asked.lat is None) or (asked.cell and asked.lon is not None):
            fault = Fault(where="cell", what="a place is a cell or a point", allowed="cell, or lon and lat")
            raise Invalid(faults=(fault,))
        if asked.lon is not None and asked.lat is not None:
            there = territory.locate(asked.lon, asked.lat, at)
            if there is None or there.town != base_of(tenant):
                raise Invalid(faults=(Fault(where="lon, lat", what=f"lies outside {tenant}"),))
            return there.cells.get(DUTY_LAYER)
        if asked.cell is not None:
            cell = territory.cell(DUTY_LAYER, asked.cell)
            if cell is None or cell.town != base_of(tenant):
                raise Invalid(faults=(Fault(where="cell", what=f"{tenant} has no duty cell {asked.cell!r}"),))
        return asked.cell
