"""After the fact: ratings, rectifications (整改) and their clock, and cases that reporters have taken up again."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from qipan.contracts.case import Stage
from qipan.contracts.commands import CaseAnswer
from qipan.contracts.comments import CaseCommented
from qipan.contracts.errors import NotFound
from qipan.contracts.events import ReportCommented, ReportRated, ReportReopened
from qipan.contracts.follow_up import AnswerRectification, CallBack, CloseRectification, ListRectifications
from qipan.contracts.queries import CaseList
from qipan.messaging.service import Received, Timer, Work, answer, consume, on_timer
from services.dispatch import inspecting, reading, rectification, rectification_store, telling
from services.dispatch.acting import Acting
from services.dispatch.change import Change, Stored
from services.dispatch.clocks import Clock, Deadlines
from services.dispatch.process import Do
from services.dispatch.rectification import RECTIFICATION_DUE
from services.dispatch.steps import SYSTEM, Brings
from services.dispatch.worklist import Cursor

TRACKING = "tracking-token"
"""By which right reporters act."""


class FollowingUp(Acting):
    """What follows a closed case."""

    @consume(ReportRated)
    def rate_cases(self, work: Work, batch: Sequence[Received[ReportRated]]) -> None:
        """好差评: the newest rating of a closed case counts; the same one told again changes nothing.

        A poor one opens a rectification (整改). One that comes when the case has been taken up again changes
        nothing: its reporter is asked anew when it is closed.
        """
        newest = {(m.tenant, m.data.case_id): m for m in batch}
        found = reading.lock(work.conn, newest)
        changes = []
        for key, message in newest.items():
            before = found.get(key)
            if before is None:
                raise NotFound(f"There is no case {message.data.case_id!r} to rate.")
            if before.case.stage is not Stage.CLOSED or before.case.rating == message.data.rating:
                continue
            brings = Brings(rating=message.data.rating)
            detail = {"rating": str(message.data.rating), "note": message.data.note}
            after = self._after_step(work, before, Do.RATE, SYSTEM, brings)
            now, row = work.now(message.tenant), self._row(before, Do.RATE)
            changes.append(
                Change(before, after, row, "reporter", now, message.id, message.traceparent, detail, TRACKING)
            )
        self._record(work, changes)
        self._rectify(work, changes)

    @consume(ReportCommented)
    def pass_comments_on(self, work: Work, batch: Sequence[Received[ReportCommented]]) -> None:
        """What a reporter added later is told to whoever has the case; without its words (`CaseCommented`).

        A report that has no case yet is its acceptors', who see it there.
        """
        known = reading.find_all(
            work.conn, [(m.tenant, m.data.case_id) for m in batch if m.data.case_id is not None]
        )
        for message in batch:
            said = message.data
            if said.case_id is None:  # intake may not have heard of the case yet
                stored = reading.find_by_report(work.conn, message.tenant, said.report_id)
            else:
                stored = known.get((message.tenant, said.case_id))
            if stored is None:
                continue
            case = stored.case
            event = CaseCommented(case=case, report_id=said.report_id, comment_id=said.comment_id)
            work.publish(event, tenant=case.tenant, subject=case.case_id, trace=message.traceparent)

    @answer(CallBack)
    def call_back(self, work: Work, call: Received[CallBack]) -> CaseAnswer:
        """回访, and whether it was in time."""
        before, asked = self._find(work, call), call.data
        case = before.case
        now = work.now(case.tenant)
        deadlines = Deadlines(before.limits, self.grounds.of(case.tenant).calendar)
        due_at = deadlines.after_limit(self.grounds.callback_limit(case.tenant), case.closed_at or now)
        kept = inspecting.called_back(
            case, call.grant.sub, asked.contacted, asked.resolved, asked.satisfied, now, due_at
        )
        detail = {"contacted": str(asked.contacted), "note": asked.note}
        return self._act(work, call, before, Do.CALL_BACK, Brings(follow_up=kept), detail)

    @answer(AnswerRectification)
    def answer_rectification(self, work: Work, call: Received[AnswerRectification]) -> CaseAnswer:
        """The unit's answer, with evidence."""
        before, asked = self._find(work, call), call.data
        now = work.now(before.case.tenant)
        kept = rectification.answered(before.case, call.grant.sub, asked.answer, asked.evidence, now)
        brings = Brings(reason=asked.answer, evidence=asked.evidence, follow_up=kept)
        detail = {"answer": asked.answer, "evidence": " ".join(asked.evidence)}
        answered = self._act(work, call, before, Do.ANSWER_RECTIFICATION, brings, detail)
        self._follow(work, [Stored(answered.case, before.limits, before.unit_tenant)])
        return answered

    @answer(CloseRectification)
    def close_rectification(self, work: Work, call: Received[CloseRectification]) -> CaseAnswer:
        """The shift leader's word on the answer."""
        before, asked = self._find(work, call), call.data
        if asked.accepted:
            do, kept = Do.CLOSE_RECTIFICATION, rectification.closed(before.case, work.now(before.case.tenant))
        else:
            do = Do.REFUSE_RECTIFICATION
            kept = rectification.refused(before.case, self._rectified_by(work, before))
        brings = Brings(reason=asked.note or None, follow_up=kept)
        answered = self._act(work, call, before, do, brings, {"note": asked.note})
        self._follow(work, [Stored(answered.case, before.limits, before.unit_tenant)])
        return answered

    @answer(ListRectifications)
    def list_rectifications(self, work: Work, call: Received[ListRectifications]) -> CaseList:
        """What is to be put right, in the tenant or by the asker's units."""
        reach, asked = call.grant.reach(), call.data
        units = None if reach.everything or reach.department else reach.units
        after = Cursor.parse(asked.after) if asked.after else None
        found = rectification_store.page(work.conn, call.tenant, asked.status, units, after, asked.limit)
        following = str(found[-1][1]) if len(found) == asked.limit else None
        return CaseList(cases=tuple(case for case, _ in found), next=following)

    @on_timer(RECTIFICATION_DUE)
    def rectification_due(self, work: Work, due: Sequence[Timer]) -> None:
        """No answer came: told once for each deadline, while it still waits for one."""
        found, busy = reading.lock_free(work.conn, [(timer.tenant, timer.ref) for timer in due])
        changes = []
        for timer in due:
            if (timer.tenant, timer.ref) in busy:
                telling.ask_again(work, timer)
                continue
            before = found.get((timer.tenant, timer.ref))
            if before is None or timer.payload != rectification.due_of(before.case):
                continue
            newest = rectification.current(before.case)
            row = self._row(before, Do.RECTIFICATION_OVERDUE)
            position = self.grounds.of(timer.tenant).process.workflow.position(before.case)
            if newest is None or newest.status != rectification.OPEN or position not in row.sources:
                continue
            now = work.now(timer.tenant)
            brings = Brings(follow_up=rectification.unanswered(before.case, now))
            after = self._after_step(work, before, Do.RECTIFICATION_OVERDUE, SYSTEM, brings)
            changes.append(Change(before, after, row, SYSTEM.id, now))
        self._record(work, changes)

    @consume(ReportReopened)
    def reopen_cases(self, work: Work, batch: Sequence[Received[ReportReopened]]) -> None:
        """重开: a closed case goes to the dispatchers' list; what was told before it was closed again says nothing."""
        newest = {(m.tenant, m.data.case_id): m for m in batch}
        found = reading.lock(work.conn, newest)
        changes = []
        for key, message in newest.items():
            before = found.get(key)
            if before is None:
                raise NotFound(f"There is no case {message.data.case_id!r} to reopen.")
            case = before.case
            if case.stage is not Stage.CLOSED or not _same_moment(case.closed_at, message.data.closed_at):
                continue
            now = work.now(message.tenant)
            deadlines = Deadlines(before.limits, self.grounds.of(message.tenant).calendar)
            brings = Brings(
                reason=message.data.reason,
                due_at=deadlines.after(Clock.DISPOSE, now),
                follow_up=rectification.reopened(case, message.data.reason, now),
            )
            after = self._after_step(work, before, Do.REOPEN, SYSTEM, brings)
            row = self._row(before, Do.REOPEN)
            detail = {"reason": message.data.reason}
            changes.append(
                Change(before, after, row, "reporter", now, message.id, message.traceparent, detail, TRACKING)
            )
        self._record(work, changes)

    def _rectify(self, work: Work, rated: Sequence[Change]) -> None:
        """Open a rectification for each of the cases that were rated poorly."""
        changes = []
        for change in rated:
            before = change.after
            tenant = before.case.tenant
            if not rectification.wanted(before.case, self.grounds.worst_rating(tenant)):
                continue
            now, due_at = work.now(tenant), self._rectified_by(work, before)
            brings = Brings(follow_up=rectification.opened(before.case, now, due_at))
            after = self._after_step(work, before, Do.RECTIFY, SYSTEM, brings)
            detail = {"rating": str(before.case.rating), "due_at": due_at.isoformat()}
            row = self._row(before, Do.RECTIFY)
            changes.append(
                Change(before, after, row, SYSTEM.id, now, change.message_id, change.traceparent, detail)
            )
        self._record(work, changes)
        self._follow(work, [change.after for change in changes])

    def _rectified_by(self, work: Work, stored: Stored) -> datetime:
        tenant = stored.case.tenant
        deadlines = Deadlines(stored.limits, self.grounds.of(tenant).calendar)
        return deadlines.after_limit(self.grounds.rectify_limit(tenant), work.now(tenant))

    def _follow(self, work: Work, changed: Sequence[Stored]) -> None:
        """Keep the rows and the timers of these cases' rectifications."""
        rectification_store.keep(work.conn, changed)
        for case in (stored.case for stored in changed):
            newest = rectification.current(case)
            if newest is not None and newest.status == rectification.OPEN:
                due = rectification.due_of(case)
                work.set_timer(
                    tenant=case.tenant,
                    kind=RECTIFICATION_DUE,
                    ref=case.case_id,
                    due_at=newest.due_at,
                    payload=due,
                )
            else:
                work.cancel_timers(case.tenant, case.case_id, RECTIFICATION_DUE)


def _same_moment(closed_at: datetime | None, told: datetime) -> bool:
    # Reports know when their case was closed to the millisecond.
    return closed_at is not None and abs(closed_at - told) < timedelta(milliseconds=1)
