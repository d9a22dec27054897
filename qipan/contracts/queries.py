"""Queries: what one may ask to see. Every list is bounded and continues after `after`."""

from datetime import datetime
from typing import Annotated, ClassVar

from pydantic import Field

from qipan.contracts.base import Part, Query
from qipan.contracts.case import CaseState, Located, Place, Stage
from qipan.contracts.commands import ApiKey, CaseAnswer, Id, ReportAnswer
from qipan.contracts.filters import CaseFilters
from qipan.contracts.level import Level
from qipan.contracts.light import Light

Limit = Annotated[int, Field(ge=1, le=500)]


class CaseList(Part):
    """A page of cases: what waits, oldest deadline first; a search, by time of filing. `next` is what to give as
    `after` for the rest. `lights` are those of the cases, in the same order."""

    cases: tuple[CaseState, ...]
    next: str | None = None
    lights: tuple[Light, ...] = ()


class ListWork(Query[CaseList], CaseFilters):
    """The cases that wait for this person: a handler's tasks, an inspector's cell, a dispatcher's town."""

    type: ClassVar[str] = "work.list.v1"
    service: ClassVar[str] = "dispatch"
    limit: Limit = 100
    after: str | None = None


class GetCase(Query[CaseAnswer]):
    """One case."""

    type: ClassVar[str] = "case.get.v1"
    service: ClassVar[str] = "dispatch"
    case_id: Id


class WorkflowStage(Part):
    """A stage in which a case may stand. `phase`: the district's stage that it is part of."""

    id: str
    name: dict[str, str]
    phase: Stage
    clock: str | None = None


class WorkflowStep(Part):
    """A step: from which stages, by whom, to which one (None: the case stays). `own`: the town added it."""

    id: str
    name: dict[str, str]
    sources: tuple[str, ...]
    target: str | None = None
    roles: tuple[str, ...]
    guards: tuple[str, ...] = ()
    own: bool = False


class WorkflowAnswer(Part):
    """A tenant's process, as a table."""

    stages: tuple[WorkflowStage, ...]
    steps: tuple[WorkflowStep, ...]


class GetWorkflow(Query[WorkflowAnswer]):
    """The process by which the addressed tenant's cases go."""

    type: ClassVar[str] = "workflow.get.v1"
    service: ClassVar[str] = "dispatch"


class Happening(Part):
    """One thing that happened to a case, as the service that did it recorded it.

    `authority` is by which right, where the service records it: `dispatcher@sandun`.
    """

    at: datetime
    real_at: datetime
    service: str
    what: str
    who: str = ""
    authority: str | None = None
    version: int | None = None
    message_id: str | None = None
    traceparent: str | None = None
    detail: dict[str, str] = Field(default_factory=dict)


class Happenings(Part):
    """What one service knows of a case's life, oldest first, and the ids by which others know it."""

    happenings: tuple[Happening, ...]
    case_id: str | None = None
    report_id: str | None = None


class TellCase(Query[Happenings]):
    """What dispatch knows of a case or report (by either id)."""

    type: ClassVar[str] = "case.tell.v1"
    service: ClassVar[str] = "dispatch"
    subject: Id


class TellReport(Query[Happenings]):
    """What intake knows of a report."""

    type: ClassVar[str] = "report.tell.v1"
    service: ClassVar[str] = "intake"
    subject: Id


class TellMessages(Query[Happenings]):
    """What notify sent about a case."""

    type: ClassVar[str] = "message.tell.v1"
    service: ClassVar[str] = "notify"
    subject: Id


class MaskedContact(Part):
    """A reporter's name, phone number and mail address as lists show them: 张**, 138****5678, l****@example.com."""

    name: str | None = None
    phone: str | None = None
    email: str | None = None


class LikelyMatter(Part):
    """A matter and how likely it is, 0 to 1."""

    matter: str
    confidence: float


class Suggested(Part):
    """What a report is probably about: said by the reporter, the town's words or a model of this version.

    `reasons` are the words or runs of characters that spoke most for it; `also` what else the model held for
    likely.
    """

    matter: str
    confidence: float
    by: str
    version: str | None = None
    reasons: tuple[str, ...] = ()
    also: tuple[LikelyMatter, ...] = ()


class LikelyDuplicate(Part):
    """An open report that a held one may say again: likeness of the words (0 to 1), how far apart, and why in words."""

    report_id: str
    likeness: float
    metres: float
    minutes: int
    reasons: dict[str, str] = Field(default_factory=dict)


class HeldReport(Part):
    """A report that waits for a person, and why.

    `component` is the one that it names; `place` that of the one that triage takes it to mean, when it names
    none. `level` is the risk that its sender sees. `duplicates`: what it may be the same as, the earliest first.
    `waits_for`: the id of the acceptor whose it is to decide, until `due_at` (domain time); anybody who may can.
    `urgent`: by its level or its words.
    """

    report_id: str
    tenant: str
    text: str
    channel: str
    lon: float
    lat: float
    reason: str
    received_at: datetime
    address: str | None = None
    located: Located | None = None
    component: str | None = None
    contact: MaskedContact | None = None
    place: Place | None = None
    suggestion: Suggested | None = None
    level: Level | None = None
    duplicates: tuple[LikelyDuplicate, ...] = ()
    held_at: datetime | None = None
    due_at: datetime | None = None
    waits_for: str | None = None
    urgent: bool = False


class HeldReports(Part):
    """A page of held reports: the gravest level first, of one level the longest held."""

    reports: tuple[HeldReport, ...]
    next: str | None = None


class PhotoLink(Part):
    """A photo of a report (`report_id`).

    `link` leads to it, on the gateway and on intake's door, until then (real time).
    """

    photo_id: str
    media_type: str
    width: int
    height: int
    bytes: int
    added_at: datetime
    link: str
    until: datetime
    report_id: str | None = None


class ReportPhotos(Part):
    """The photos of a report and of those joined to it, oldest first, 500 at most."""

    photos: tuple[PhotoLink, ...]


class ListPhotos(Query[ReportPhotos]):
    """The photos of a report and of all that were joined to it, for those who may see its case."""

    type: ClassVar[str] = "report.photos.v1"
    service: ClassVar[str] = "intake"
    report_id: Id


class ListHeld(Query[HeldReports]):
    """The reports of a tenant that wait for an acceptor."""

    type: ClassVar[str] = "report.held.v1"
    service: ClassVar[str] = "intake"
    limit: Limit = 100
    after: str | None = None


class GetReport(Query[ReportAnswer]):
    """One report's fate."""

    type: ClassVar[str] = "report.get.v1"
    service: ClassVar[str] = "intake"
    report_id: Id


class ApiKeys(Part):
    """A page of a tenant's API keys, oldest first; `next` is what to give as `after` for the rest."""

    keys: tuple[ApiKey, ...]
    next: str | None = None


class ListApiKeys(Query[ApiKeys]):
    """Who may send reports for the tenant addressed, and who might once."""

    type: ClassVar[str] = "apikey.list.v1"
    service: ClassVar[str] = "intake"
    limit: Limit = 100
    after: str | None = None


class InAppMessage(Part):
    """A message in a person's in-app inbox: about a case, a report that has none yet (`report_id`), or neither.

    `callout_id`: the call-out that it asks the reader to answer, if any.
    """

    message_id: str
    case_id: str | None = None
    report_id: str | None = None
    title: str
    body: str
    at: datetime
    read: bool
    callout_id: str | None = None


class Messages(Part):
    """A page of messages, newest first."""

    messages: tuple[InAppMessage, ...]
    next: str | None = None


class ListMessages(Query[Messages]):
    """The asking person's in-app messages."""

    type: ClassVar[str] = "message.list.v1"
    service: ClassVar[str] = "notify"
    limit: Limit = 50
    after: str | None = None
    unread_only: bool = False


class Standing(Part):
    """One town's place in the league (晾晒榜). A rate without a denominator is None, never 0 or 100 %."""

    tenant: str
    rank: int | None = None
    score: float | None = None
    received: int
    filed: int
    disposed: int
    closed: int
    open: int
    overdue: int
    rates: dict[str, float | None]


class UnitLoad(Part):
    """What a unit has in hand (`open`) of all the cases that were filed for it, and how it did."""

    unit: str
    filed: int
    open: int
    disposed: int
    on_time: int


class BoardAnswer(Part):
    """How the towns did, the addressed tenant's last 24 hours by hour (domain time), and its units' load."""

    standings: tuple[Standing, ...]
    hours: tuple[dict[str, int | str], ...] = ()
    totals: dict[str, int] = Field(default_factory=dict)
    load: tuple[UnitLoad, ...] = ()


class GetBoard(Query[BoardAnswer]):
    """The board of the addressed tenant; addressed to the district it holds every town."""

    type: ClassVar[str] = "board.get.v1"
    service: ClassVar[str] = "analytics"


class Serving(Part):
    """Who serves a tenant's part of a service: `tenant` None means the core, for everyone else."""

    service: str
    tenant: str | None = None
    instance: str
    since: datetime
    until: datetime | None = None


class WhoAnswer(Part):
    """Everyone who serves."""

    serving: tuple[Serving, ...]


class Who(Query[WhoAnswer]):
    """Who serves which tenant."""

    type: ClassVar[str] = "tenant.who.v1"
    service: ClassVar[str] = "steward"
