"""Field command: shifts, going to a task and being there, and how every worker stands."""

from collections.abc import Iterable, Mapping, Sequence

from qipan.contracts.case import Going
from qipan.contracts.commands import CaseAnswer
from qipan.contracts.errors import Fault, Invalid
from qipan.contracts.field import (
    ArriveOnScene,
    DepartForTask,
    EndShift,
    FieldAnswer,
    GetField,
    Shift,
    StartShift,
)
from qipan.messaging.service import Received, Timer, Work, answer, on_timer
from qipan.tenancy import Person
from services.dispatch import crew, fielded, handover, joint, planning, shift_store
from services.dispatch.acting import Acting
from services.dispatch.availability import Availability
from services.dispatch.process import Do
from services.dispatch.shifts import LONGEST_HOURS, NEVER, TIME_UP, end_of
from services.dispatch.steps import Brings

SHIFT_END = "shift.end"


class Field(Acting):
    """Workers' shifts and states."""

    def field(self, work: Work, tenants: Iterable[str]) -> Mapping[str, Availability]:
        """Who is there, where, and the operating mode; in one statement, for these are asked for on filing.

        Where somebody has a roster, in two.
        """
        moments = {tenant: work.now(tenant) for tenant in tenants}
        required = {tenant: self.grounds.workers(tenant) for tenant in moments if self._required(tenant)}
        plans = planning.plans_of(work.conn, self.grounds, moments)
        return crew.field_of(work.conn, moments, required, plans)

    @answer(StartShift)
    def start_shift(self, work: Work, call: Received[StartShift]) -> Shift:
        """上岗. Signing on twice is one shift; a new `until` moves its end."""
        person = self._worker(call, call.data.worker)
        now = work.now(person.tenant)
        # The timer before the shift, as whoever fires it takes them; it is set anew below.
        work.cancel_timers(person.tenant, person.id, SHIFT_END)
        duty = shift_store.duty_of(work.conn, person.tenant, person.id)
        running = duty if duty.on(now) else NEVER
        start, until = running.since or now, call.data.until or running.until
        hours = self.process.district.setting(person.tenant, "dispatch.shift-hours", LONGEST_HOURS)
        plan = planning.plans_of(work.conn, self.grounds, {person.tenant: start}).get(person.tenant, {})
        planned = plan[person.id].covers(start) if person.id in plan else None
        shift = Shift(
            worker=person.id, started_at=start, until=end_of(start, until, now, hours), planned=planned
        )
        if duty.since is not None and duty.ended is None and not duty.on(now):
            shift_store.end(work.conn, [(person.tenant, person.id, duty.until or now, TIME_UP)])
        shift_store.begin(work.conn, person.tenant, shift, call.grant.sub)
        work.set_timer(
            tenant=person.tenant,
            kind=SHIFT_END,
            ref=person.id,
            due_at=shift.until,
            payload={"since": start.isoformat()},
        )
        return shift

    @answer(EndShift)
    def end_shift(self, work: Work, call: Received[EndShift]) -> Shift:
        """下岗. Signing off twice is once."""
        person = self._worker(call, call.data.worker)
        key = (person.tenant, person.id)
        now = work.now(person.tenant)
        work.cancel_timers(
            person.tenant, person.id, SHIFT_END
        )  # before the shift, as whoever fires it takes them
        duty = shift_store.duty_of(work.conn, *key)
        if duty.since is None:
            fault = Fault(where="worker", what=f"{person.id} never signed on", allowed="who is on shift")
            raise Invalid("There is no shift to end.", faults=(fault,))
        if duty.ended is None:
            shift_store.end(work.conn, [(*key, now, call.grant.sub)])
        return shift_store.last(work.conn, [key])[key]

    @on_timer(SHIFT_END)
    def shift_end(self, work: Work, due: Sequence[Timer]) -> None:
        """Nobody stays signed on, and located, beyond the end of their shift."""
        duties = shift_store.duties_of(work.conn, {timer.tenant for timer in due})
        ended = []
        for timer in due:
            duty = duties.get((timer.tenant, timer.ref), NEVER)
            if duty.since and duty.ended is None and timer.payload == {"since": duty.since.isoformat()}:
                ended.append((timer.tenant, timer.ref, timer.due_at, TIME_UP))
        shift_store.end(work.conn, ended)

    @answer(DepartForTask)
    def depart_for_task(self, work: Work, call: Received[DepartForTask]) -> CaseAnswer:
        """出发, to a case that one leads or to one's part of it."""
        return self._go(work, call, Do.DEPART, Going.EN_ROUTE)

    @answer(ArriveOnScene)
    def arrive_on_scene(self, work: Work, call: Received[ArriveOnScene]) -> CaseAnswer:
        """到场."""
        return self._go(work, call, Do.ARRIVE, Going.ON_SCENE)

    @answer(GetField)
    def get_field(self, work: Work, call: Received[GetField]) -> FieldAnswer:
        """How the workers stand whom the asker may see."""
        district, asked = self.process.district, call.data
        departments = {unit.id: unit.department for unit in district.units_of(call.tenant)}
        everybody = fielded.workers_of(district, call.tenant)
        people = [
            person
            for person in fielded.within(everybody, call.grant.reach(), departments, call.grant.sub)
            if asked.unit in (None, person.unit)
        ]
        keys = [(person.tenant, person.id) for person in people]
        duties = shift_store.duties_of(work.conn, {tenant for tenant, _ in keys})
        shifts = shift_store.last(work.conn, keys)
        moments = {tenant: work.now(tenant) for tenant in {tenant for tenant, _ in keys}}
        plans = planning.plans_of(work.conn, self.grounds, moments)
        held = shift_store.held_by_workers(work.conn, keys)
        workers = [
            fielded.shown(
                person,
                duties.get(key, NEVER),
                shifts.get(key),
                held.get(key, ()),
                moments[person.tenant],
                required=self._required(person.tenant),
                plan=plans.get(person.tenant, {}).get(person.id),
            )
            for person, key in zip(people, keys, strict=True)
        ]
        shown = [one for one in workers if asked.state in (None, one.state)]
        return FieldAnswer(workers=tuple(sorted(shown, key=lambda one: (one.unit or "~", one.worker))))

    def _go(
        self, work: Work, call: Received[DepartForTask] | Received[ArriveOnScene], do: str, going: Going
    ) -> CaseAnswer:
        part = call.data.task_id
        if part is None:
            before = self._find(work, call)
            self._on_shift(work, call, handover.workers_tenant(before.case))
            return self._act(work, call, before, do)
        before = self._find(work, call, child=part)
        case = before.case
        supports = joint.gone(case, part, call.grant.sub, going, work.now(case.tenant))
        self._on_shift(work, call, case.tenant)
        detail = {"task": part, "unit": joint.support_of(case, part).unit}
        return self._act(work, call, before, joint.GOES[going], Brings(supports=supports), detail)

    def _on_shift(self, work: Work, call: Received, tenant: str) -> None:
        """Invalid for a worker of this tenant who is off shift."""
        duty = shift_store.duty_of(work.conn, tenant, call.grant.sub)
        off = duty.why_off(work.now(tenant), required=self._required(tenant))
        if off is not None:
            fault = Fault(where="shift", what=off, allowed="sign on first: POST /v1/shifts/start")
            raise Invalid("Only who is on shift goes to a task.", faults=(fault,))

    def _required(self, tenant: str) -> bool:
        return self.grounds.requires_shifts(tenant)

    def _worker(self, call: Received, named: str | None) -> Person:
        """The worker whose shift it is, whom the right must reach."""
        id = named or call.grant.sub
        call.grant.require(worker=id)
        person = fielded.worker_of(self.process.district, call.tenant, id)
        if person is None:
            fault = Fault(where="worker", what=f"{id!r} is no handler or grid worker here")
            raise Invalid("Only who works in the field has shifts.", faults=(fault,))
        return person
