"""延期, 缓办, 挂账: asked for, decided, ended, and listed."""

from collections.abc import Sequence
from itertools import islice

from qipan.access import Scope
from qipan.contracts.commands import CaseAnswer, CaseCommand
from qipan.contracts.light import light_of
from qipan.contracts.timing import (
    AskForTime,
    DecideTime,
    EndorseTime,
    ListSuspended,
    ListTimeRequests,
    ResumeCase,
    TimeKind,
    TimeRequest,
    TimeRequests,
)
from qipan.messaging.service import Received, Work, answer
from qipan.tenancy import TenantKind, in_shadow, shadow_of
from services.dispatch import endorsing, time_requests, timing
from services.dispatch.change import Stored
from services.dispatch.endorsing import Way
from services.dispatch.entrypoints.clocks import Clocks
from services.dispatch.process import Do
from services.dispatch.steps import Brings
from services.dispatch.time_requests import Place, Row

GRANTS = {
    TimeKind.EXTENSION.value: Do.EXTEND,
    TimeKind.DEFERRAL.value: Do.DEFER,
    TimeKind.SUSPENSION.value: Do.SUSPEND,
}


class Timing(Clocks):
    """Commands and queries about time."""

    @answer(AskForTime)
    def ask_for_time(self, work: Work, call: Received[AskForTime]) -> CaseAnswer:
        """The handler asks, by way of the department; the deadline runs on."""
        before, asked = self._find(work, call), call.data
        ground = self.grounds.of(before.case.tenant)
        now = work.now(before.case.tenant)
        deadlines = ground.deadlines(before.limits)
        timed = timing.asked(before.case, asked, call.grant.sub, now, deadlines, ground.most_time)
        way = self._way(call, before)
        timed = endorsing.first_to(timed, way)
        brings = Brings(reason=asked.reason, time=timed)
        detail = {"kind": asked.kind, "reason": asked.reason, **way.detail()}
        clock = timed.changes.get("clock")
        if clock is not None and clock.asked is not None:
            detail |= {"until": clock.asked.until.isoformat(), "level": clock.asked.level}
        return self._act(work, call, before, Do.ASK_TIME, brings, detail)

    @answer(EndorseTime)
    def endorse_time(self, work: Work, call: Received[EndorseTime]) -> CaseAnswer:
        """部门意见: endorsed, it waits for the dispatcher; not endorsed, it has ended."""
        before, said = self._find(work, call), call.data
        case, now = before.case, work.now(before.case.tenant)
        asked = case.clock.asked if case.clock else None
        detail = {"reason": said.reason, "kind": asked.kind if asked else ""}
        if said.endorsed:
            timed = endorsing.endorsed(case, call.grant.sub, now, said.reason)
            return self._act(work, call, before, Do.ENDORSE_TIME, Brings(time=timed), detail)
        brings = Brings(reason=said.reason, time=endorsing.unendorsed(case, now, said.reason))
        return self._act(work, call, before, Do.REFUSE_ENDORSEMENT, brings, detail)

    @answer(DecideTime)
    def decide_time(self, work: Work, call: Received[DecideTime]) -> CaseAnswer:
        """Approved: it takes effect now. Refused: nothing changes."""
        before = self._find(work, call)
        case, now = before.case, work.now(before.case.tenant)
        of_district = self._of_district(call)
        asked = case.clock.asked if case.clock else None
        detail = {"note": call.data.note, "kind": asked.kind if asked else ""}
        if not call.data.approved or asked is None:
            timed = timing.refused(case, now, of_district=of_district)
            return self._act(work, call, before, Do.REFUSE_TIME, Brings(time=timed), detail)
        deadlines = self.grounds.of(case.tenant).deadlines(before.limits)
        timed = timing.decided(case, now, deadlines, of_district=of_district)
        detail |= {"until": asked.until.isoformat()}
        return self._act(work, call, before, GRANTS[asked.kind], Brings(time=timed), detail)

    @answer(ResumeCase)
    def resume_case(self, work: Work, call: Received[ResumeCase]) -> CaseAnswer:
        """恢复办理."""
        before = self._find(work, call)
        brings = Brings(reason=call.data.reason, time=self._resumed(work, before))
        return self._act(work, call, before, Do.RESUME, brings, {"reason": call.data.reason})

    @answer(ListTimeRequests)
    def list_time_requests(self, work: Work, call: Received[ListTimeRequests]) -> TimeRequests:
        """What waits for a decision, or for the department's word, the longest first."""
        towns = self._towns_below(call.tenant)
        after = Place.parse(call.data.after) if call.data.after else None
        department = self.process.district.tenant(call.tenant).kind is TenantKind.DEPARTMENT
        endorses = call.tenant if department else None
        rows = time_requests.waiting(work.conn, call.tenant, towns, after, call.data.limit + 1, endorses)
        return self._requests_page(work, rows, call.data.limit)

    @answer(ListSuspended)
    def list_suspended(self, work: Work, call: Received[ListSuspended]) -> TimeRequests:
        """问题库."""
        towns = self._towns_below(call.tenant)
        after = Place.parse(call.data.after) if call.data.after else None
        rows = time_requests.suspended(work.conn, call.tenant, towns, after, call.data.limit + 1)
        return self._requests_page(work, rows, call.data.limit)

    def _way(self, call: Received[AskForTime], before: Stored) -> Way:
        case = before.case
        desk = self.grounds.of(case.tenant).desks.get(case.department or "")
        first = self.grounds.department_first(case.tenant)
        return endorsing.way_of(case, self._actor(call, before), desk, department_first=first)

    def _of_district(self, call: Received[CaseCommand]) -> bool:
        return Scope.DISTRICT in call.grant.scopes

    def _towns_below(self, tenant: str) -> Sequence[str]:
        """The towns of the district that is addressed; none below any other tenant."""
        district = self.process.district
        if district.tenant(tenant).kind is not TenantKind.DISTRICT:
            return ()
        return [in_shadow(town.id, shadow_of(tenant)) for town in district.towns]

    def _requests_page(self, work: Work, rows: Sequence[Row], limit: int) -> TimeRequests:
        shown = tuple(
            TimeRequest(
                kind=row.kind,
                level=row.level,
                by=row.by,
                at=row.at,
                reason=row.reason,
                until=row.until,
                person=row.person,
                awaits=row.awaits,
                endorsed_by=row.endorsed_by,
                case=row.case,
                light=light_of(row.case, work.now(row.case.tenant)),
            )
            for row in islice(rows, limit)
        )
        last = rows[limit - 1] if len(rows) > limit else None
        following = str(Place(last.order, last.case.case_id, last.version)) if last else None
        return TimeRequests(requests=shown, next=following)
