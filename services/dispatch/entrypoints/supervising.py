"""Supervision: 督办 and its answer, 催办, remarks, and the clock by which an answer is due."""

from collections.abc import Sequence

from qipan.contracts.commands import CaseAnswer
from qipan.contracts.supervised import Level
from qipan.contracts.supervision import AnswerSupervision, ExpediteCase, RemarkCase, SuperviseCase
from qipan.messaging.service import Received, Timer, Work, answer, on_timer
from qipan.tenancy import base_of
from services.dispatch import reading, supervision, telling
from services.dispatch.acting import Acting
from services.dispatch.change import Change
from services.dispatch.clocks import Deadlines
from services.dispatch.process import Do
from services.dispatch.steps import SYSTEM, Brings
from services.dispatch.supervision import SUPERVISION_DUE


class Supervising(Acting):
    """Commands and timers of supervision."""

    @answer(SuperviseCase)
    def supervise_case(self, work: Work, call: Received[SuperviseCase]) -> CaseAnswer:
        """督办 at the level of whoever asks."""
        before, asked, principal = self._find(work, call), call.data, call.grant.principal
        case = before.case
        home = base_of(principal.tenant) if principal else base_of(case.tenant)
        level = Level(self.process.district.tenant(home).kind.value)
        ground, now = self.grounds.of(case.tenant), work.now(case.tenant)
        limit = (
            supervision.limit_asked(asked.answer_within)
            if asked.answer_within
            else self.grounds.supervise_limit(case.tenant)
        )
        due_at = Deadlines(before.limits, ground.calendar).after_limit(limit, now)
        brings = Brings(
            reason=asked.reason,
            supervision=supervision.supervised(case, level, call.grant.sub, asked.reason, now, due_at),
        )
        detail = {"level": level.value, "reason": asked.reason, "answer_due_at": due_at.isoformat()}
        answered = self._act(work, call, before, Do.SUPERVISE, brings, detail)
        due = supervision.due_of(answered.case)
        work.set_timer(tenant=case.tenant, kind=SUPERVISION_DUE, ref=case.case_id, due_at=due_at, payload=due)
        return answered

    @answer(AnswerSupervision)
    def answer_supervision(self, work: Work, call: Received[AnswerSupervision]) -> CaseAnswer:
        """The answer lifts the supervision."""
        before, words = self._find(work, call), call.data.answer
        case = before.case
        kept = supervision.answered(case, words, work.now(case.tenant))
        brings = Brings(reason=words, supervision=kept)
        answered = self._act(work, call, before, Do.ANSWER_SUPERVISION, brings, {"answer": words})
        work.cancel_timers(case.tenant, case.case_id, SUPERVISION_DUE)
        return answered

    @answer(ExpediteCase)
    def expedite_case(self, work: Work, call: Received[ExpediteCase]) -> CaseAnswer:
        """催办."""
        before = self._find(work, call)
        brings = Brings(supervision=supervision.expedited(before.case, work.now(before.case.tenant)))
        return self._act(work, call, before, Do.EXPEDITE, brings, {"note": call.data.note})

    @answer(RemarkCase)
    def remark_case(self, work: Work, call: Received[RemarkCase]) -> CaseAnswer:
        """督察意见: the words are in the history, and in the history alone."""
        before, words = self._find(work, call), call.data.remark
        brings = Brings(reason=words, supervision=supervision.remarked(before.case))
        return self._act(work, call, before, Do.REMARK, brings, {"remark": words})

    @on_timer(SUPERVISION_DUE)
    def supervision_due(self, work: Work, due: Sequence[Timer]) -> None:
        """No answer came: told once for each supervision, while it still waits for one."""
        found, busy = reading.lock_free(work.conn, [(timer.tenant, timer.ref) for timer in due])
        changes = []
        for timer in due:
            if (timer.tenant, timer.ref) in busy:
                telling.ask_again(work, timer)
                continue
            before = found.get((timer.tenant, timer.ref))
            if before is None or not supervision.of(before.case).open:
                continue
            row = self._row(before, Do.SUPERVISION_OVERDUE)
            position = self.grounds.of(timer.tenant).process.workflow.position(before.case)
            if timer.payload != supervision.due_of(before.case) or position not in row.sources:
                continue
            brings = Brings(supervision=supervision.unanswered(before.case))
            after = self._after_step(work, before, Do.SUPERVISION_OVERDUE, SYSTEM, brings)
            now = work.now(timer.tenant)
            changes.append(Change(before, after, row, SYSTEM.id, now))
        self._record(work, changes)
