"""延期, 缓办, 挂账: asked for, decided, ended, and listed."""

from collections.abc import Sequence
from itertools import islice

from qipan.access import Scope
from qipan.contracts.commands import CaseAnswer, CaseCommand
from qipan.contracts.light import light_of
from qipan.contracts.timing import (
    AskForTime,
    DecideTime,
    ListSuspended,
    ListTimeRequests,
    ResumeCase,
    TimeKind,
    TimeRequest,
    TimeRequests,
)
from qipan.messaging.service import Received, Work, answer
from qipan.tenancy import TenantKind, in_shadow, shadow_of
from services.dispatch import time_requests, timing
from services.dispatch.entrypoints.clocks import Clocks
from services.dispatch.process import Do
from services.dispatch.steps import Brings
from services.dispatch.time_requests import Place, Row
from services.dispatch.timed import DISTRICT_LEVEL

GRANTS = {
    TimeKind.EXTENSION.value: Do.EXTEND,
    TimeKind.DEFERRAL.value: Do.DEFER,
    TimeKind.SUSPENSION.value: Do.SUSPEND,
}


class Timing(Clocks):
    """Commands and queries about time."""

    @answer(AskForTime)
    def ask_for_time(self, work: Work, call: Received[AskForTime]) -> CaseAnswer:
        """The handler asks; the deadline runs on."""
        before, asked = self._find(work, call), call.data
        ground = self.grounds.of(before.case.tenant)
        now = work.now(before.case.tenant)
        deadlines = ground.deadlines(before.limits)
        timed = timing.asked(before.case, asked, call.grant.sub, now, deadlines, ground.most_time)
        brings = Brings(reason=asked.reason, time=timed)
        detail = {"kind": asked.kind, "reason": asked.reason}
        clock = timed.changes.get("clock")
        if clock is not None and clock.asked is not None:
            detail |= {"until": clock.asked.until.isoformat(), "level": clock.asked.level}
        return self._act(work, call, before, Do.ASK_TIME, brings, detail)

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
        """What waits for a decision, the longest first."""
        tenants, level = self._decided_here(call.tenant)
        after = Place.parse(call.data.after) if call.data.after else None
        rows = time_requests.waiting(work.conn, tenants, level, after, call.data.limit + 1)
        return self._requests_page(work, rows, call.data.limit)

    @answer(ListSuspended)
    def list_suspended(self, work: Work, call: Received[ListSuspended]) -> TimeRequests:
        """问题库."""
        tenants, _ = self._decided_here(call.tenant)
        after = Place.parse(call.data.after) if call.data.after else None
        rows = time_requests.suspended(work.conn, tenants, after, call.data.limit + 1)
        return self._requests_page(work, rows, call.data.limit)

    def _of_district(self, call: Received[CaseCommand]) -> bool:
        return Scope.DISTRICT in call.grant.scopes

    def _decided_here(self, tenant: str) -> tuple[Sequence[str], str | None]:
        """The tenants whose requests lie here, and of which level: the district's in all of its towns."""
        district = self.process.district
        if district.tenant(tenant).kind is not TenantKind.DISTRICT:
            return (tenant,), None
        shadow = shadow_of(tenant)
        towns = [town.id for town in district.towns]
        return [in_shadow(town, shadow) if shadow else town for town in towns], DISTRICT_LEVEL

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
                case=row.case,
                light=light_of(row.case, work.now(row.case.tenant)),
            )
            for row in islice(rows, limit)
        )
        last = rows[limit - 1] if len(rows) > limit else None
        following = str(Place(last.order, last.case.case_id, last.version)) if last else None
        return TimeRequests(requests=shown, next=following)
