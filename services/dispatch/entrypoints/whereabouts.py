"""Where workers are: reported on shift, shown to who commands them, forgotten soon."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from qipan.access import Role
from qipan.contracts.errors import Fault, Forbidden, Invalid
from qipan.contracts.positions import (
    FixesTaken,
    FixRefused,
    GetPositions,
    PositionsAnswer,
    ReportPositions,
    WorkerPosition,
)
from qipan.messaging.service import Received, Timer, Work, answer, on_timer
from qipan.tenancy import TenantKind
from services.dispatch import fielded, position_store, shift_store
from services.dispatch.acting import Acting
from services.dispatch.positions import TRAIL_MINUTES, Sighting, refusal
from services.dispatch.shifts import NEVER

FORGET = "trail.forget"

COMMANDING = frozenset({Role.DISPATCHER, Role.SHIFT_LEADER})
"""Who may see where others are."""


class Whereabouts(Acting):
    """Positions."""

    @answer(ReportPositions)
    def report_positions(self, work: Work, call: Received[ReportPositions]) -> FixesTaken:
        """Every fix is judged by itself; the request is refused only where nothing of it could be kept."""
        workers = {person.id: person for person in fielded.workers_of(self.process.district, call.tenant)}
        duties = shift_store.duties_of(work.conn, {person.tenant for person in workers.values()})
        kept: list[Sighting] = []
        refused: list[FixRefused] = []
        for index, fix in enumerate(call.data.fixes):
            worker = fix.worker or call.grant.sub
            call.grant.require(worker=worker)
            person = workers.get(worker)
            if person is None:
                rule = f"{worker!r} is no handler or grid worker here"
                refused.append(FixRefused(index=index, rule=rule, allowed="who works in the field"))
                continue
            duty = duties.get((person.tenant, worker), NEVER)
            against = refusal(index, fix, duty, work.now(person.tenant), self._trail(person.tenant))
            if against is None:
                kept.append(Sighting(person.tenant, worker, fix))
            else:
                refused.append(against)
        if not kept:
            faults = (
                Fault(where=f"fixes.{one.index}", what=one.rule, allowed=one.allowed) for one in refused
            )
            raise Invalid("None of these positions can be kept.", faults=tuple(faults))
        self._keep(work, kept, {key[1]: duty.until for key, duty in duties.items()})
        return FixesTaken(taken=len(kept), refused=tuple(refused))

    @answer(GetPositions)
    def get_positions(self, work: Work, call: Received[GetPositions]) -> PositionsAnswer:
        """Only of who is on shift now, and only to who commands them there, or to themselves."""
        district, asked, principal = self.process.district, call.data, call.grant.principal
        commands = principal is not None and not COMMANDING.isdisjoint(principal.roles)
        own_town = district.tenant(call.tenant).kind is TenantKind.TOWN and principal is not None
        if commands and not (own_town and principal and principal.tenant == call.tenant):
            raise Forbidden("Where workers are is for the dispatchers and shift leaders of their own town.")
        call.grant.reach()
        now = work.now(call.tenant)
        duties = shift_store.duties_of(work.conn, [call.tenant])
        people = {
            (call.tenant, person.id): person
            for person in fielded.workers_of(district, call.tenant)
            if duties.get((call.tenant, person.id), NEVER).on(now)
            and (commands or person.id == call.grant.sub)
            and asked.unit in (None, person.unit)
            and asked.worker in (None, person.id)
        }
        trail = asked.worker is not None
        found = [
            WorkerPosition(
                worker=key[1],
                unit=people[key].unit,
                fix=fix,
                trail=position_store.trail_of(work.conn, key) if trail else (),
            )
            for key, fix in sorted(position_store.positions_of(work.conn, people).items())
        ]
        return PositionsAnswer(positions=tuple(found))

    @on_timer(FORGET)
    def forget_trails(self, work: Work, due: Sequence[Timer]) -> None:
        """What is older than the town keeps it goes, also of who has fallen silent."""
        position_store.forget(
            work.conn, [(one.tenant, one.ref, work.now(one.tenant) - self._trail(one.tenant)) for one in due]
        )

    def _keep(self, work: Work, kept: Sequence[Sighting], until: Mapping[str, datetime | None]) -> None:
        """Keep them, each with the moment from which it is forgotten; `until`: when whose shift ends."""
        tenants = {one.tenant for one in kept}
        for tenant in sorted(tenants):
            mine = [one for one in kept if one.tenant == tenant]
            trail, now = self._trail(tenant), work.now(tenant)
            position_store.keep(work.conn, mine, trail=bool(trail))
            workers = sorted({one.worker for one in mine})
            if trail:
                position_store.forget(work.conn, [(tenant, worker, now - trail) for worker in workers])
            for worker in workers:
                due_at = now + trail if trail else until[worker] or now
                work.set_timer(tenant=tenant, kind=FORGET, ref=worker, due_at=due_at)

    def _trail(self, tenant: str) -> timedelta:
        return timedelta(
            minutes=self.process.district.setting(tenant, "dispatch.trail-minutes", TRAIL_MINUTES)
        )
