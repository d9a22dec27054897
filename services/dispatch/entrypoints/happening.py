"""What dispatch hears: reports to file."""

from collections.abc import Sequence
from functools import cache, partial

from qipan.contracts.events import Outcome, ReportTriaged
from qipan.messaging.service import Received, Work, aside, consume
from qipan.observability import metrics
from qipan.tenancy import shadow_of
from services.dispatch import reading
from services.dispatch.acting import Acting
from services.dispatch.filing import Arriving, Rules, file_all


class Happening(Acting):
    """Events that move cases."""

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
        for one in arriving:
            if not one.report.waited and not shadow_of(one.tenant):
                took = work.real_delay(one.tenant, work.now(one.tenant) - one.report.received_at)
                work.committed.append(partial(metrics.observe_on_screen, "dispatch", one.tenant, took))
