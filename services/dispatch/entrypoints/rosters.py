"""排班: who is planned to be on duty, who came, and changes for a day."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from qipan.contracts.errors import Fault, Invalid
from qipan.contracts.field import Shift
from qipan.contracts.rosters import ChangeRoster, GetRoster, PlannedShift, RosterAnswer
from qipan.messaging.service import Received, Work, answer
from qipan.tenancy import Person
from qipan.tenancy.rosters import LONGEST_HOURS, wrong_hours
from services.dispatch import fielded, planning, roster_store
from services.dispatch.acting import Acting
from services.dispatch.planned import PlannedSpan, attendance
from services.dispatch.reading import Key

AHEAD = timedelta(days=366)
"""How far ahead a day's plan can be changed, and how far from today one can be seen."""


class Rosters(Acting):
    """Planned shifts."""

    @answer(GetRoster)
    def get_roster(self, work: Work, call: Received[GetRoster]) -> RosterAnswer:
        """The planned shifts of the workers whom the asker may see, and who is on shift without one.

        Why a day was changed is for the centre and for whose day it is: often it is an illness.
        """
        district, asked, reach = self.process.district, call.data, call.grant.reach()
        today = work.now(call.tenant).astimezone(district.calendar(call.tenant).zone).date()
        if asked.day is not None and abs(asked.day - today) > AHEAD:
            fault = Fault(where="day", what="is too far away", allowed=f"{AHEAD.days} days from {today}")
            raise Invalid("There is no plan for that day.", faults=(fault,))
        departments = {unit.id: unit.department for unit in district.units_of(call.tenant)}
        people = [
            person
            for person in fielded.within(
                fielded.workers_of(district, call.tenant), reach, departments, call.grant.sub
            )
            if asked.unit in (None, person.unit)
        ]
        found = self._planned(work, people, asked.day)
        shown = [one for one in found.planned if asked.attendance in (None, one.attendance)]
        if not (reach.everything or reach.department):
            me = call.grant.sub
            shown = [one if one.worker == me else one.model_copy(update={"reason": None}) for one in shown]
        return found.model_copy(update={"planned": tuple(shown)})

    @answer(ChangeRoster)
    def change_roster(self, work: Work, call: Received[ChangeRoster]) -> RosterAnswer:
        """A worker's day is planned otherwise; every fault of the hours is told."""
        asked, district = call.data, self.process.district
        call.grant.require(worker=asked.worker)
        person = fielded.worker_of(district, call.tenant, asked.worker)
        if person is None or person.id not in self.grounds.rosters(person.tenant):
            what = f"{asked.worker!r} has no roster here"
            fault = Fault(where="worker", what=what, allowed="a worker whom `rosters` of the pack plan")
            raise Invalid("Only planned shifts can be changed.", faults=(fault,))
        now = work.now(person.tenant)
        today = now.astimezone(self.grounds.of(person.tenant).calendar.zone).date()
        longest = district.setting(person.tenant, "dispatch.shift-hours", LONGEST_HOURS)
        faults = [
            Fault(where="hours", what=what, allowed=allowed)
            for what, allowed in wrong_hours(asked.hours or (), longest)
        ]
        if not today <= asked.day <= today + AHEAD:
            allowed = f"{today.isoformat()} to {(today + AHEAD).isoformat()}"
            faults.append(Fault(where="day", what="cannot be planned any more, or not yet", allowed=allowed))
        if faults:
            raise Invalid("The day cannot be planned so.", faults=tuple(faults))
        roster_store.add(work.conn, person.tenant, asked, call.grant.sub, now)
        return self._planned(work, [person], asked.day)

    def _planned(self, work: Work, people: Sequence[Person], day: date | None) -> RosterAnswer:
        moments = {tenant: work.now(tenant) for tenant in {person.tenant for person in people}}
        plans = planning.plans_of(work.conn, self.grounds, moments, day)
        rostered = [
            (person, plan)
            for person in people
            if (plan := plans.get(person.tenant, {}).get(person.id)) is not None
        ]
        there = roster_store.signed_on(
            work.conn, {_key(person): plan.day(moments[person.tenant], day) for person, plan in rostered}
        )
        planned: list[PlannedShift] = []
        unplanned: list[Shift] = []
        for person, plan in rostered:
            now, came = moments[person.tenant], there.get(_key(person), ())
            spans = plan.on(day) if day is not None else plan.of_today(now)
            planned += (_told(person, span, came, now) for span in spans)
            unplanned += (shift for shift in came if shift.planned is False)
        return RosterAnswer(
            planned=tuple(sorted(planned, key=lambda one: (one.begins, one.worker, one.ends))),
            unplanned=tuple(sorted(unplanned, key=lambda one: (one.started_at, one.worker))),
        )


def _key(person: Person) -> Key:
    return person.tenant, person.id


def _told(person: Person, span: PlannedSpan, came: Sequence[Shift], now: datetime) -> PlannedShift:
    there = [(shift.started_at, shift.ended_at or shift.until) for shift in came]
    name = span.roster.name if span.roster else None
    return PlannedShift(
        worker=person.id,
        name=person.name,
        unit=person.unit,
        day=span.day,
        begins=span.begins,
        ends=span.ends,
        attendance=attendance(span, there, now),
        roster=span.roster.id if span.roster else None,
        words={"zh": name.zh, "en": name.en} if name else {},
        changed_by=span.change.by if span.change else None,
        reason=span.change.reason if span.change else None,
    )
