"""Intake's entrypoints: parse, call, answer."""

from collections.abc import Sequence

from qipan.contracts.commands import DecideReport, ReportAnswer, SubmitReport
from qipan.contracts.errors import KeyReused, NotFound, WrongTenant
from qipan.contracts.events import CASE_EVENTS, CaseEvent, ReportReceived
from qipan.contracts.queries import GetReport, Happenings, HeldReport, HeldReports, ListHeld, TellReport
from qipan.messaging.process import Process
from qipan.messaging.service import (
    PROCESS,
    DatabaseProvider,
    DistrictProvider,
    Received,
    Timer,
    Work,
    answer,
    aside,
    consume,
    on_timer,
)
from services.intake import store
from services.intake.accept import Submission, accept
from services.intake.admission import admit
from services.intake.decide import decide_held, file_waited
from services.intake.desk import Desk
from services.intake.follow import follow
from services.intake.forms import ReportForm
from services.intake.model_files import Models
from services.intake.pages import mark, place_of
from services.intake.story import story_of
from services.intake.triage_batch import HELD_DUE, triage


class DeskProvider(DistrictProvider):
    """Injects the process's one desk, which remembers the towns' words and models between batches."""

    _desk: Desk

    def start(self) -> None:
        """Read the models before the first report comes."""
        process: Process = self.container.config[PROCESS]
        self._desk = Desk(process.district, Models(process.district, process.settings.var), aside)

    def get_dependency(self, worker_ctx: object) -> Desk:
        """The desk for the loaded district."""
        return self._desk


class Intake:
    """Triages what the door took in, and lets reports follow their cases."""

    name = "intake"
    tenant: str | None = None

    db = DatabaseProvider()
    district = DistrictProvider()
    desk = DeskProvider()

    @consume(ReportReceived)
    def triage_reports(self, work: Work, batch: Sequence[Received[ReportReceived]]) -> None:
        """File, self-dispose, decline, merge or hold what came in."""
        triage(work, self.desk, batch)

    @consume(*CASE_EVENTS)
    def follow_cases(self, work: Work, batch: Sequence[Received[CaseEvent]]) -> None:
        """Let reports show how far their cases have come."""
        follow(work, batch)

    @on_timer(HELD_DUE)
    def held_long_enough(self, work: Work, due: Sequence[Timer]) -> None:
        """File what nobody decided about within the town's waiting time."""
        file_waited(work, due)

    @answer(SubmitReport)
    def submit_report(self, work: Work, call: Received[SubmitReport]) -> ReportAnswer:
        """Take in what a tenant's service observed; a key of the same service is one report."""
        asked = call.data
        form = ReportForm(
            text=asked.text,
            lon=asked.lon,
            lat=asked.lat,
            address=asked.address,
            matter=asked.matter,
            channel=asked.channel,
        )
        report = admit(form, asked.key, call.grant.principal, self.district)
        if report.tenant != call.tenant:
            raise WrongTenant(f"The place lies in {report.tenant!r}, not in {call.tenant!r}.")
        [[verdict]] = accept(work, [Submission((report,), call.traceparent)])
        if isinstance(verdict, KeyReused):
            raise verdict
        return ReportAnswer(report_id=report.report_id, tenant=report.tenant, status="received")

    @answer(DecideReport)
    def decide_report(self, work: Work, call: Received[DecideReport]) -> ReportAnswer:
        """An acceptor's decision about a held report."""
        matters = self.district.matters_of(call.tenant).keys()
        status = decide_held(work, call.tenant, call.data, matters, call.grant.sub)
        return ReportAnswer(report_id=call.data.report_id, tenant=call.tenant, status=status)

    @answer(ListHeld)
    def list_held(self, work: Work, call: Received[ListHeld]) -> HeldReports:
        """The reports that wait for an acceptor."""
        asked = call.data
        rows = store.held(work.conn, call.tenant, asked.limit + 1, place_of(asked.after))
        page = rows[: asked.limit]
        return HeldReports(
            reports=tuple(HeldReport.model_validate(row, from_attributes=True) for row in page),
            next=mark(page[-1].held_at, page[-1].report_id) if len(rows) > asked.limit else None,
        )

    @answer(GetReport)
    def get_report(self, work: Work, call: Received[GetReport]) -> ReportAnswer:
        """One report's fate so far."""
        row = store.report(work.conn, call.tenant, call.data.report_id)
        if row is None:
            raise NotFound(f"There is no report {call.data.report_id!r}.")
        return ReportAnswer(report_id=row.report_id, tenant=row.tenant, status=row.status)

    @answer(TellReport)
    def tell_report(self, work: Work, call: Received[TellReport]) -> Happenings:
        """What happened to a report here."""
        return Happenings(happenings=story_of(work.conn, call.tenant, call.data.subject))
