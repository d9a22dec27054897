"""吹哨报到: blown, answered, overdue, ended, shown."""

from collections.abc import Mapping, Sequence

from qipan.contracts.addressed import Addressed
from qipan.contracts.case import CaseState
from qipan.contracts.errors import Forbidden, NotFound
from qipan.contracts.modes import Mode
from qipan.contracts.whistle import (
    AnswerWhistle,
    BlowWhistle,
    EndWhistle,
    ListWhistles,
    WhistleAnswered,
    WhistleBlown,
    WhistleEnded,
    WhistleEvent,
    WhistleOverdue,
    Whistles,
    WhistleState,
)
from qipan.ids import derived_id
from qipan.messaging.service import Received, Timer, Work, answer, on_timer
from qipan.tenancy import in_shadow, shadow_of
from qipan.worktime import Limit
from services.dispatch import handover, reading, telling, whistle_store, whistles
from services.dispatch.acting import Acting
from services.dispatch.change import Stored
from services.dispatch.worklist import Cursor

WHISTLE_DUE = "whistle.due"


class Whistling(Acting):
    """Departments summoned to a place."""

    @answer(BlowWhistle)
    def blow_whistle(self, work: Work, call: Received[BlowWhistle]) -> WhistleState:
        """吹哨: every department's clock begins now; an emergency has a limit of its own."""
        stored = self._found(call, self._seek(work, call, call.data.case_id), call.data.case_id)
        case = stored.case
        handover.require_field_command(case, self._actor(call, stored))
        reading.lock(work.conn, [(case.tenant, case.case_id)])
        whistles.refuse_second(whistle_store.open_of(work.conn, case.tenant, case.case_id))
        now = work.now(case.tenant)
        whistle = whistles.blown(
            derived_id("whistle", case.tenant, call.id),
            case,
            call.data,
            self._able(handover.commander(case)),
            call.grant.sub,
            now,
            self.process.district.deadline(case.tenant, now, self._limit(work, case.tenant)),
        )
        whistle_store.add(work.conn, whistle)
        for one in whistle.summons:
            work.set_timer(
                tenant=whistle.tenant,
                kind=WHISTLE_DUE,
                ref=f"{whistle.whistle_id} {one.department}",
                due_at=one.due_at,
            )
        departments = tuple(one.department for one in whistle.summons)
        to = Addressed(departments=departments, due_at=whistle.summons[0].due_at)
        self._tell(work, WhistleBlown(case=case, whistle=whistle, to=to))
        return whistle

    @answer(AnswerWhistle)
    def answer_whistle(self, work: Work, call: Received[AnswerWhistle]) -> WhistleState:
        """报到, by who belongs to the department that was summoned."""
        whistle = self._whistle(work, call.tenant, call.data.whistle_id)
        department = call.data.department
        fields = handover.in_its_field(self._case_of(work, whistle).case)
        units = [unit for field in fields for unit in self._able(field).get(department, ())]
        if not (call.grant.allows(department=department) or any(call.grant.allows(unit=u) for u in units)):
            raise Forbidden(f"Only people of {department} answer for it.")
        after = whistles.answered(whistle, call.data, call.grant.sub, work.now(whistle.tenant))
        return self._changed(work, after, WhistleAnswered)

    @answer(EndWhistle)
    def end_whistle(self, work: Work, call: Received[EndWhistle]) -> WhistleState:
        """解除, by whoever commands the case."""
        whistle = self._whistle(work, call.tenant, call.data.whistle_id)
        stored = self._case_of(work, whistle)
        handover.require_field_command(stored.case, self._actor(call, stored))
        call.grant.require(tenant=handover.commander(stored.case))
        after = whistles.ended(whistle, call.data.outcome, call.grant.sub, work.now(whistle.tenant))
        departments = tuple(one.department for one in after.summons)
        return self._changed(work, after, WhistleEnded, Addressed(departments=departments))

    @answer(ListWhistles)
    def list_whistles(self, work: Work, call: Received[ListWhistles]) -> Whistles:
        """The town's and those of cases that it took over, to its people; to others those that summon them."""
        reach, asked = call.grant.reach(), call.data
        after = Cursor.parse(asked.after) if asked.after else None
        mine = None
        if not reach.everything:
            able = self._able(call.tenant).items()
            mine = {department for department, units in able if not reach.units.isdisjoint(units)}
            mine |= {reach.department} if reach.department else set()
        return whistle_store.page(
            work.conn, call.tenant, asked.case_id, after, asked.limit, ended=asked.ended, summoning=mine
        )

    @on_timer(WHISTLE_DUE)
    def whistle_due(self, work: Work, due: Sequence[Timer]) -> None:
        """A department that is not there in time: told once, while the whistle goes on."""
        refs = [(timer, *timer.ref.partition(" ")[::2]) for timer in due]
        free = whistle_store.lock_free(work.conn, [(timer.tenant, id) for timer, id, _ in refs])
        for timer, id, department in refs:
            whistle = free.get((timer.tenant, id))
            if whistle is None:
                telling.ask_again(work, timer)
                continue
            after = whistles.late(whistle, department, work.now(timer.tenant))
            if after is not None:
                free[timer.tenant, id] = after
                self._changed(work, after, WhistleOverdue, Addressed(departments=(department,)))

    def _whistle(self, work: Work, tenant: str, id: str) -> WhistleState:
        whistle = whistle_store.find(work.conn, tenant, id)
        if whistle is None:
            raise NotFound(f"There is no whistle {id!r} here.")
        return whistle

    def _changed(
        self, work: Work, after: WhistleState, kind: type[WhistleEvent], to: Addressed | None = None
    ) -> WhistleState:
        whistle_store.keep(work.conn, after)
        case = self._case_of(work, after).case
        self._tell(work, kind(case=case, whistle=after, to=to or Addressed()))
        return after

    def _case_of(self, work: Work, whistle: WhistleState) -> Stored:
        stored = reading.find(work.conn, whistle.tenant, whistle.case_id)
        if stored is None:
            raise NotFound(f"There is no case {whistle.case_id!r} any more.")
        return stored

    def _tell(self, work: Work, event: WhistleEvent) -> None:
        """To the town, and to each summoned department that is a tenant of its own."""
        case: CaseState = event.case
        own = {tenant.id for tenant in self.process.district.tenants.values() if tenant.kind == "department"}
        shadow = shadow_of(case.tenant)
        heard = [one.department for one in event.whistle.summons if one.department in own]
        for tenant in (case.tenant, *(in_shadow(department, shadow) for department in heard)):
            work.publish(event, tenant=tenant, subject=case.case_id)

    def _able(self, tenant: str) -> Mapping[str, tuple[str, ...]]:
        """The departments with units in the town, and those units."""
        found: dict[str, tuple[str, ...]] = {}
        for unit in self.process.district.units_of(tenant):
            found[unit.department] = (*found.get(unit.department, ()), unit.id)
        return found

    def _limit(self, work: Work, tenant: str) -> Limit:
        setting = self.process.district.setting
        usual = setting(tenant, "dispatch.whistle-limit", whistles.LIMIT)
        if self.field(work, [tenant])[tenant].mode == Mode.EMERGENCY:
            usual = setting(tenant, "dispatch.whistle-limit-emergency", usual)
        return Limit.parse(usual)
