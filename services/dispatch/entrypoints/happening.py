"""What dispatch hears: reports to file, and ratings."""

from collections.abc import Sequence
from functools import cache

from qipan.contracts.errors import NotFound
from qipan.contracts.events import Outcome, ReportRated, ReportTriaged
from qipan.messaging.service import Received, Work, aside, consume
from services.dispatch import reading
from services.dispatch.acting import Acting
from services.dispatch.change import Change
from services.dispatch.filing import Arriving, Rules, file_all
from services.dispatch.process import Do
from services.dispatch.steps import SYSTEM, Brings


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
        loads, field = reading.loads_of(work.conn, tenants), self.field(work, tenants)
        rules = Rules(self.choose, self.limits)
        serves = self.process.serves
        cases = file_all(arriving, self.grounds.of, loads, rules, cache(work.now), serves, field, aside)
        self._record(work, cases)

    @consume(ReportRated)
    def rate_cases(self, work: Work, batch: Sequence[Received[ReportRated]]) -> None:
        """好差评: the newest rating of a closed case counts; the same one told again changes nothing."""
        newest = {(m.tenant, m.data.case_id): m for m in batch}
        found = reading.lock(work.conn, newest)
        changes = []
        for key, message in newest.items():
            before = found.get(key)
            if before is None:
                raise NotFound(f"There is no case {message.data.case_id!r} to rate.")
            if before.case.rating == message.data.rating:
                continue
            brings = Brings(rating=message.data.rating)
            detail = {"rating": str(message.data.rating), "note": message.data.note}
            after = self._after_step(work, before, Do.RATE, SYSTEM, brings)
            now, row = work.now(message.tenant), self._row(before, Do.RATE)
            changes.append(
                Change(before, after, row, "reporter", now, message.id, message.traceparent, detail)
            )
        self._record(work, changes)
