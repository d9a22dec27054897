"""What dispatch hears: reports to file, and clocks that ran out."""

from collections.abc import Sequence
from functools import cache

from qipan.contracts.events import Outcome, ReportTriaged
from qipan.messaging.service import Received, Timer, Work, aside, consume, on_timer
from services.dispatch import reading, telling
from services.dispatch.acting import Acting
from services.dispatch.change import Change
from services.dispatch.clocks import running
from services.dispatch.filing import Arriving, Rules, file_all
from services.dispatch.process import Do
from services.dispatch.steps import NOTHING, SYSTEM
from services.dispatch.telling import STAGE_DUE, due_of


class Happening(Acting):
    """Events and timers that move cases."""

    @consume(ReportTriaged)
    def file_cases(self, work: Work, batch: Sequence[Received[ReportTriaged]]) -> None:
        """立案: every report that triage wants filed becomes one case, however often it is told."""
        wanted = {(m.tenant, m.data.report_id): m for m in batch if m.data.outcome is Outcome.FILE}
        if not wanted:
            return
        known = reading.known_reports(work.conn, wanted)
        arriving = [
            Arriving(m.tenant, m.data, m.id, m.traceparent) for key, m in wanted.items() if key not in known
        ]
        if not arriving:
            return
        tenants = {one.tenant for one in arriving}
        grounds, loads = self.grounds_and_loads(work, tenants)
        field = self.field(work, tenants)
        rules = Rules(self.choose, self.limits)
        serves = self.process.serves
        cases = file_all(arriving, grounds.__getitem__, loads, rules, cache(work.now), serves, field, aside)
        self._record(work, cases)

    @on_timer(STAGE_DUE)
    def stage_due(self, work: Work, due: Sequence[Timer]) -> None:
        """A stage's clock ran out: told once for each stage and deadline, and only while it still runs."""
        found, busy = reading.lock_free(work.conn, [(timer.tenant, timer.ref) for timer in due])
        changes = []
        for timer in due:
            if (timer.tenant, timer.ref) in busy:
                telling.ask_again(work, timer)
                continue
            before = found.get((timer.tenant, timer.ref))
            clock = running(before.case) if before else None
            if before is None or clock is None or timer.payload != due_of(before.case):
                continue
            after = self._after_step(work, before, Do.OVERDUE, SYSTEM, NOTHING)
            detail = {"clock": clock.clock.value, "due_at": clock.due_at.isoformat()}
            now = work.now(timer.tenant)
            row = self._row(before, Do.OVERDUE)
            changes.append(Change(before, after, row, SYSTEM.id, now, detail=detail))
        self._record(work, changes)
