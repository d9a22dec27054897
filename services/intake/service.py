"""Intake's entrypoints: parse, call, answer."""

from collections.abc import Sequence

from qipan.contracts.citizens import ReachReporter, ReporterReached
from qipan.contracts.commands import (
    ApiKey,
    ContactAnswer,
    DecideReport,
    IssueApiKey,
    ReportAnswer,
    RevokeApiKey,
    SplitReport,
    SubmitReport,
    UnmaskContact,
)
from qipan.contracts.devices import Device, Devices, ListDevices, RegisterDevice, RevokeDevice
from qipan.contracts.errors import Forbidden, KeyReused, NotFound, Unavailable, WrongTenant
from qipan.contracts.events import CASE_EVENTS, CaseEvent, ReportReceived
from qipan.contracts.feed import Feed, GetFeed, NoteReference
from qipan.contracts.queries import (
    ApiKeys,
    GetReport,
    Happenings,
    HeldReports,
    ListApiKeys,
    ListHeld,
    ListPhotos,
    ReportPhotos,
    TellReport,
)
from qipan.contracts.verifications import AnswerVerification, ListVerifications, Verifications
from qipan.messaging.process import Process
from qipan.messaging.service import (
    PROCESS,
    DatabaseProvider,
    DistrictProvider,
    ProcessProvider,
    Received,
    Timer,
    Work,
    answer,
    aside,
    background,
    consume,
    on_timer,
)
from qipan.tenancy.bodies import answerable
from services.intake import feed, retention, store, unseen, verifications
from services.intake.accept import Submission, accept
from services.intake.admission import admit
from services.intake.awaiting import ACCEPT_DUE
from services.intake.contacts import Contacts
from services.intake.decide import decide_held, file_waited, split, tell_overdue
from services.intake.desk import Desk
from services.intake.devices import registry
from services.intake.feed import FORGET_DUE
from services.intake.follow import follow
from services.intake.forms import ReportForm
from services.intake.held import held_report
from services.intake.model_files import Models
from services.intake.open311 import keys
from services.intake.pages import held_mark, held_place
from services.intake.photo_links import linked_photos
from services.intake.photo_names import PhotoNames
from services.intake.sealing import Keyring
from services.intake.story import story_of
from services.intake.tracking import TrackingTokens
from services.intake.triage_batch import HELD_DUE, triage
from services.intake.unmask import unmask
from services.intake.updates import reached
from services.intake.verifying import VERIFY_DUE


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


class ContactsProvider(ProcessProvider):
    """Injects what opens reporters' contacts, with the keys of the process's settings."""

    _contacts: Contacts | None = None

    def get_dependency(self, worker_ctx: object) -> Contacts:
        """The process's one keyring; without keys in the settings it opens nothing."""
        if self._contacts is None:
            process = super().get_dependency(worker_ctx)
            self._contacts = Contacts(Keyring.parse(process.settings.contact_keys))
        return self._contacts


class PhotoNamesProvider(ProcessProvider):
    """Injects what opens photos for a while; None without the door's secret in the settings."""

    def get_dependency(self, worker_ctx: object) -> PhotoNames | None:
        """Made for each call: it holds no more than two keys."""
        secret = super().get_dependency(worker_ctx).settings.door_secret
        return PhotoNames(secret) if secret else None


FORGET_SECONDS = 600


class TokensProvider(ProcessProvider):
    """Injects what makes reporters' tokens; None without the door's secret in the settings."""

    def get_dependency(self, worker_ctx: object) -> TrackingTokens | None:
        """Made for each call: it holds no more than a key."""
        secret = super().get_dependency(worker_ctx).settings.door_secret
        return TrackingTokens(secret) if secret else None


class Intake:
    """Triages what the door took in, and lets reports follow their cases."""

    name = "intake"
    tenant: str | None = None

    db = DatabaseProvider()
    process = ProcessProvider()
    district = DistrictProvider()
    desk = DeskProvider()
    contacts = ContactsProvider()
    photo_names = PhotoNamesProvider()
    tokens = TokensProvider()

    @consume(ReportReceived)
    def triage_reports(self, work: Work, batch: Sequence[Received[ReportReceived]]) -> None:
        """File, self-dispose, decline, merge or hold what came in."""
        triage(work, self.desk, batch)

    @consume(*CASE_EVENTS)
    def follow_cases(self, work: Work, batch: Sequence[Received[CaseEvent]]) -> None:
        """Let reports show how far their cases have come."""
        follow(work, batch, self.desk.readers)

    @on_timer(HELD_DUE)
    def held_long_enough(self, work: Work, due: Sequence[Timer]) -> None:
        """File what nobody decided about within the town's waiting time."""
        file_waited(work, due, self.desk)

    @on_timer(ACCEPT_DUE)
    def waited_too_long(self, work: Work, due: Sequence[Timer]) -> None:
        """Tell of what no acceptor decided about in time."""
        tell_overdue(work, due, self.desk)

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
        report = admit(form, asked.key, call.grant.principal, self.district, work.now(call.tenant))
        if report.tenant != call.tenant:
            raise WrongTenant(f"The place lies in {report.tenant!r}, not in {call.tenant!r}.")
        [[verdict]] = accept(work, [Submission((report,), call.traceparent)])
        if isinstance(verdict, KeyReused):
            raise verdict
        return ReportAnswer(report_id=report.report_id, tenant=report.tenant, status="received")

    @answer(DecideReport)
    def decide_report(self, work: Work, call: Received[DecideReport]) -> ReportAnswer:
        """An acceptor's decision about a held report."""
        self.desk.require_decider(call.grant)
        matters = self.district.matters_of(call.tenant).keys()
        owners = answerable(self.district, call.tenant)
        status = decide_held(work, call.tenant, call.data, matters, call.grant.sub, owners, self.desk)
        return ReportAnswer(report_id=call.data.report_id, tenant=call.tenant, status=status)

    @answer(SplitReport)
    def split_report(self, work: Work, call: Received[SplitReport]) -> ReportAnswer:
        """An acceptor takes a report away from the one it was joined to."""
        self.desk.require_decider(call.grant)
        status = split(work, call.tenant, call.data, call.grant.sub, self.desk)
        return ReportAnswer(report_id=call.data.report_id, tenant=call.tenant, status=status)

    @answer(UnmaskContact)
    def unmask_contact(self, work: Work, call: Received[UnmaskContact]) -> ContactAnswer:
        """How to reach a reporter, once it is written down who asked and why."""
        self.desk.require_decider(call.grant)
        return unmask(work, self.contacts, call.tenant, call.data, who=call.grant.sub, command_id=call.id)

    @answer(ReachReporter)
    def reach_reporter(self, work: Work, call: Received[ReachReporter]) -> ReporterReached:
        """Where updates about a report go: for notify alone, which sends and forgets."""
        if call.grant.sub.partition("@")[0] != "notify":
            raise Forbidden("Only notify reaches reporters.")
        if self.tokens is None:
            raise Unavailable("This process has no secret to end updates with; tell an operator.")
        return reached(work, self.contacts, self.tokens, call.tenant, call.data.report_id)

    @answer(ListPhotos)
    def list_photos(self, work: Work, call: Received[ListPhotos]) -> ReportPhotos:
        """The photos of a report, each with a link that holds for a while."""
        return linked_photos(work, self.photo_names, call.tenant, call.data.report_id, call.grant)

    @answer(ListHeld)
    def list_held(self, work: Work, call: Received[ListHeld]) -> HeldReports:
        """The reports that wait for an acceptor."""
        self.desk.require_decider(call.grant)
        asked = call.data
        rows = store.held(work.conn, call.tenant, asked.limit + 1, held_place(asked.after))
        page = rows[: asked.limit]
        return HeldReports(
            reports=tuple(held_report(row, self.contacts, self.desk) for row in page),
            next=held_mark(page[-1].later, page[-1].held_at, page[-1].report_id)
            if len(rows) > asked.limit
            else None,
        )

    @answer(GetReport)
    def get_report(self, work: Work, call: Received[GetReport]) -> ReportAnswer:
        """One report's fate so far."""
        row = store.report(work.conn, call.tenant, call.data.report_id)
        if row is None:
            raise NotFound(f"There is no report {call.data.report_id!r}.")
        return ReportAnswer(report_id=row.report_id, tenant=row.tenant, status=row.status)

    @answer(IssueApiKey)
    def issue_api_key(self, work: Work, call: Received[IssueApiKey]) -> ApiKey:
        """Let a client send reports through Open311."""
        return keys.issue(work, self.district, call.tenant, call.data, call.grant.sub)

    @answer(RevokeApiKey)
    def revoke_api_key(self, work: Work, call: Received[RevokeApiKey]) -> ApiKey:
        """Close a client's key."""
        return keys.revoke(work, call.tenant, call.data.key_id, call.grant.sub)

    @answer(ListApiKeys)
    def list_api_keys(self, work: Work, call: Received[ListApiKeys]) -> ApiKeys:
        """Who may send reports through Open311."""
        return keys.page(work, call.tenant, call.data.after, call.data.limit)

    @answer(RegisterDevice)
    def register_device(self, work: Work, call: Received[RegisterDevice]) -> Device:
        """Let a sensor or camera raise alarms."""
        return registry.register(work, self.district, call.tenant, call.data, call.grant.sub)

    @answer(RevokeDevice)
    def revoke_device(self, work: Work, call: Received[RevokeDevice]) -> Device:
        """Refuse a device's alarms."""
        return registry.revoke(work, call.tenant, call.data.device_id, call.grant.sub)

    @answer(ListVerifications)
    def list_verifications(self, work: Work, call: Received[ListVerifications]) -> Verifications:
        """核实: what waits for a grid worker's look."""
        return verifications.page(work, call.tenant, call.grant.reach(), call.data)

    @answer(AnswerVerification)
    def answer_verification(self, work: Work, call: Received[AnswerVerification]) -> ReportAnswer:
        """What a grid worker found on the spot."""
        matters = self.district.matters_of(call.tenant).keys()
        status = verifications.answer(work, call.tenant, call.data, matters, call.grant, self.desk)
        return ReportAnswer(report_id=call.data.report_id, tenant=call.tenant, status=status)

    @on_timer(VERIFY_DUE)
    def verification_due(self, work: Work, due: Sequence[Timer]) -> None:
        """Give what nobody looked at in time to an acceptor."""
        verifications.lapse(work, due, self.desk)

    @on_timer(FORGET_DUE)
    def forget_entries(self, work: Work, due: Sequence[Timer]) -> None:
        """Delete what the feeds keep no longer."""
        feed.forget(work, self.desk.readers, due)

    @background(every=FORGET_SECONDS)
    def forget_contacts(self) -> None:
        """Take reporters' names and numbers from reports that were over long enough ago."""
        own = self.process.tenant
        days = retention.days_kept(self.district, self.district.tenants if own is None else (own,))
        while days:
            with self.db.begin() as work:
                if not retention.forget_contacts(work, days):
                    return

    @answer(GetFeed)
    def get_feed(self, work: Work, call: Received[GetFeed]) -> Feed:
        """What changed for a tenant's own system."""
        call.grant.require(tenant=call.tenant)
        return feed.page(work.conn, self.desk.readers, call.tenant, call.data)

    @answer(NoteReference)
    def note_reference(self, work: Work, call: Received[NoteReference]) -> ReportAnswer:
        """The number by which a department's system knows a report of its case."""
        row = store.report(work.conn, call.tenant, call.data.report_id)
        if row is None:
            raise NotFound(f"There is no report {call.data.report_id!r}.")
        call.grant.require(department=row.department)
        assert call.grant.principal is not None
        owner = call.grant.principal.tenant
        feed.note(work.conn, call.tenant, row.report_id, owner, call.data.reference)
        return ReportAnswer(report_id=row.report_id, tenant=row.tenant, status=row.status)

    @answer(ListDevices)
    def list_devices(self, work: Work, call: Received[ListDevices]) -> Devices:
        """Which devices there are."""
        return registry.page(work, call.tenant, call.data.after, call.data.limit)

    @background(every=30)
    def count_unseen(self) -> None:
        """Keep the figure of what was accepted and went nowhere; the core's processes do, for everybody."""
        if self.process.tenant is None:
            unseen.count(self.db)

    @answer(TellReport)
    def tell_report(self, work: Work, call: Received[TellReport]) -> Happenings:
        """What happened to a report here."""
        return Happenings(happenings=story_of(work.conn, call.tenant, call.data.subject))
