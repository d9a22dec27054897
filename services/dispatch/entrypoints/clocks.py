"""Clocks that ran out, time-outs told upwards, and suspensions that end."""

from collections.abc import Sequence

from qipan.messaging.service import Timer, Work, on_timer
from services.dispatch import timing
from services.dispatch.acting import Acting
from services.dispatch.change import Change, Stored
from services.dispatch.clocks import running
from services.dispatch.firing import of_free_cases
from services.dispatch.process import Do
from services.dispatch.steps import SYSTEM, Brings
from services.dispatch.telling import ESCALATE, STAGE_DUE, SUSPENSION_OVER, due_of, since_suspended
from services.dispatch.timed import Timed


class Clocks(Acting):
    """Timers of cases' clocks: each fires once, in the tenant's time, and means nothing to any other run."""

    @on_timer(STAGE_DUE)
    def stage_due(self, work: Work, due: Sequence[Timer]) -> None:
        """A stage's clock ran out: told once for each stage and deadline, and only while it still runs."""
        changes = []
        for timer, before in of_free_cases(work, due):
            clock = running(before.case)
            if clock is None or timer.payload != due_of(before.case):
                continue
            detail = {"clock": clock.clock.value, "due_at": clock.due_at.isoformat()}
            timed = timing.timed_out(before.case, work.now(timer.tenant))
            changes.append(self._clock_change(work, before, Do.OVERDUE, Brings(time=timed), detail))
        self._record(work, changes)
        for change in changes:
            self._tell_higher(work, change.after, 2)

    @on_timer(ESCALATE)
    def escalate(self, work: Work, due: Sequence[Timer]) -> None:
        """A clock that ran out still has: told one level higher, once for each level."""
        changes, levels = [], []
        for timer, before in of_free_cases(work, due):
            level = int(timer.payload["level"])
            told = before.case.clock.escalated if before.case.clock else 0
            if not 0 < told < level or timer.payload != {**due_of(before.case), "level": str(level)}:
                continue
            detail = {"level": str(level), "due_at": timer.payload["due_at"]}
            timed = timing.escalated(before.case, level, work.now(timer.tenant))
            changes.append(self._clock_change(work, before, Do.ESCALATE, Brings(time=timed), detail))
            levels.append(level)
        self._record(work, changes)
        for change, level in zip(changes, levels, strict=True):
            self._tell_higher(work, change.after, level + 1)

    @on_timer(SUSPENSION_OVER)
    def suspension_over(self, work: Work, due: Sequence[Timer]) -> None:
        """恢复办理: a suspension has lasted as long as was granted, and the case goes on."""
        changes = []
        for timer, before in of_free_cases(work, due):
            if timer.payload != since_suspended(before.case):
                continue
            brings = Brings(
                reason="the time for which it was suspended is over", time=self._resumed(work, before)
            )
            changes.append(self._clock_change(work, before, Do.RESUME, brings, {"note": brings.reason or ""}))
        self._record(work, changes)

    def _resumed(self, work: Work, before: Stored) -> Timed:
        case = before.case
        deadlines = self.grounds.of(case.tenant).deadlines(before.limits)
        return timing.resumed(case, work.now(case.tenant), deadlines)

    def _tell_higher(self, work: Work, stored: Stored, level: int) -> None:
        """Have the time-out told at this level, if the town has it told there, unless it is over before."""
        case, ground = stored.case, self.grounds.of(stored.case.tenant)
        if case.due_at is None or level - 2 >= len(ground.escalate_after):
            return
        at = ground.deadlines(stored.limits).after_limit(ground.escalate_after[level - 2], case.due_at)
        payload = {**due_of(case), "level": str(level)}
        work.set_timer(tenant=case.tenant, kind=ESCALATE, ref=case.case_id, due_at=at, payload=payload)

    def _clock_change(
        self, work: Work, before: Stored, do: str, brings: Brings, detail: dict[str, str]
    ) -> Change:
        after = self._after_step(work, before, do, SYSTEM, brings)
        now = work.now(before.case.tenant)
        return Change(before, after, self._row(before, do), SYSTEM.id, now, detail=detail)
