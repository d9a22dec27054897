"""Commands: what one may ask a service to do. Whoever asks is the signed principal in the envelope."""

from datetime import datetime
from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, Field

from qipan.contracts.base import Command, Part
from qipan.contracts.case import CaseState
from qipan.contracts.events import Outcome
from qipan.contracts.light import Light

Text = Annotated[str, Field(max_length=4000)]
Id = Annotated[str, Field(min_length=1, max_length=128)]
Evidence = Annotated[tuple[Annotated[str, Field(min_length=1, max_length=500)], ...], Field(max_length=20)]


class CaseAnswer(Part):
    """The case after the step, and how its clock stands."""

    case: CaseState
    light: Light | None = None


class Done(BaseModel):
    """Carried out."""

    done: Literal[True] = True


class ReportAnswer(Part):
    """A report's fate so far."""

    report_id: str
    tenant: str
    status: str
    token: str | None = None


class ContactAnswer(Part):
    """How to reach a reporter; whoever has this has been written down."""

    report_id: str
    name: str | None = Field(default=None, repr=False)
    phone: str | None = Field(default=None, repr=False)
    email: str | None = Field(default=None, repr=False)


# To intake


class SubmitReport(Command[ReportAnswer]):
    """A service of a town reports something itself (a flood watch, a camera)."""

    type: ClassVar[str] = "report.submit.v1"
    service: ClassVar[str] = "intake"
    key: Id
    channel: str = "sensor"
    text: Text
    lon: float = Field(ge=-180, le=180)
    lat: float = Field(ge=-90, le=90)
    address: str | None = Field(default=None, max_length=300)
    matter: str | None = Field(default=None, max_length=40)


class UnmaskContact(Command[ContactAnswer]):
    """An acceptor sees a reporter's name and phone number, for a purpose that is written down."""

    type: ClassVar[str] = "contact.unmask.v1"
    service: ClassVar[str] = "intake"
    remembered: ClassVar[bool] = False
    report_id: Id
    purpose: Annotated[str, Field(min_length=1, max_length=500)]


class DecideReport(Command[ReportAnswer]):
    """An acceptor decides about a held report: file it (with its matter), decline it (with a reason), merge or verify.

    To merge joins it to `into`, an earlier report of the same thing: its reporter is told how that one goes on.

    To verify 核实 means that the grid worker of its cell looks at it before it is filed.

    `responsible`, of a declined one: the id of whose it is: a department, a town, the district, or a body
    outside that the town's pack names.
    """

    type: ClassVar[str] = "report.decide.v1"
    service: ClassVar[str] = "intake"
    report_id: Id
    outcome: Literal[Outcome.FILE, Outcome.DECLINE, Outcome.SELF_DISPOSE, Outcome.VERIFY, Outcome.MERGE]
    matter: str | None = Field(default=None, max_length=40)
    reason: Text | None = None
    responsible: Id | None = None
    into: Id | None = None


class SplitReport(Command[ReportAnswer]):
    """An acceptor takes a report away from the one it was joined to, for a reason: it is held, to be decided anew."""

    type: ClassVar[str] = "report.split.v1"
    service: ClassVar[str] = "intake"
    report_id: Id
    reason: Text


class ApiKey(Part):
    """What is known of an API key; the key itself is known to its client alone. Times are real time."""

    key_id: str
    tenant: str
    client: str
    issued_at: datetime
    issued_by: str
    revoked_at: datetime | None = None
    revoked_by: str | None = None


class IssueApiKey(Command[ApiKey]):
    """Let a client send reports for the tenant addressed: a town, or the district for all of its towns.

    Whoever asks has made the key and gives only its SHA-256, in hex.
    """

    type: ClassVar[str] = "apikey.issue.v1"
    service: ClassVar[str] = "intake"
    client: Id
    digest: Id


class RevokeApiKey(Command[ApiKey]):
    """From now on the key opens nothing; what came in with it stays."""

    type: ClassVar[str] = "apikey.revoke.v1"
    service: ClassVar[str] = "intake"
    key_id: Id


# To dispatch


class CaseCommand(Command[CaseAnswer]):
    """A step on one case. `expected_version`, where given, must be the case's version or it is a conflict."""

    service: ClassVar[str] = "dispatch"
    case_id: Id
    expected_version: int | None = None


class DispatchCase(CaseCommand):
    """派遣: a dispatcher offers the case to a unit (and a worker of it); without a unit, to whom is recommended.

    `reason` is why somebody else than the one recommended; it is kept in the history.
    """

    type: ClassVar[str] = "case.dispatch.v1"
    unit: Id | None = None
    worker: Id | None = None
    reason: Text | None = None


class AcceptTask(CaseCommand):
    """The handler takes the offered task."""

    type: ClassVar[str] = "task.accept.v1"


class ReturnTask(CaseCommand):
    """退件: the handler gives the task back; a reason is required.

    `whose`: the unit, department or tenant whose the matter is instead, by its id.
    """

    type: ClassVar[str] = "task.return.v1"
    reason: Annotated[str, Field(min_length=1, max_length=4000)]
    whose: Id | None = None


class DisposeTask(CaseCommand):
    """处置: the handler reports it done; at least one piece of evidence is required."""

    type: ClassVar[str] = "task.dispose.v1"
    note: Text = ""
    evidence: Annotated[Evidence, Field(min_length=1)]


class InspectCase(CaseCommand):
    """核查: someone other than the handler looks; failed means rework. `evidence`: what was seen (where the town
    requires it, at least one piece).
    """

    type: ClassVar[str] = "case.inspect.v1"
    passed: bool
    note: Text = ""
    evidence: Evidence = ()


class CloseCase(CaseCommand):
    """结案."""

    type: ClassVar[str] = "case.close.v1"


class VoidCase(CaseCommand):
    """作废: a reason is required."""

    type: ClassVar[str] = "case.void.v1"
    reason: Annotated[str, Field(min_length=1, max_length=4000)]


class TakeStep(CaseCommand):
    """A step of the town's own workflow, by its name there (`GET /v1/workflow` lists them)."""

    type: ClassVar[str] = "case.step.v1"
    step: Id
    note: Text = ""
    evidence: Evidence = ()


# To notify


class MarkRead(Command[Done]):
    """A person has read a message of theirs."""

    type: ClassVar[str] = "message.read.v1"
    service: ClassVar[str] = "notify"
    message_id: Id


# To the steward


class Lease(Part):
    """The right of one instance to serve a tenant's part of a service, until it lapses (real time, seconds)."""

    event_queue: str | None = None
    call_queue: str
    reply_queue: str
    seconds: float


class Arrive(Command[Lease]):
    """An instance begins, or goes on, to serve a service for the tenant addressed."""

    type: ClassVar[str] = "tenant.arrive.v1"
    service: ClassVar[str] = "steward"
    serves: Id
    instance: Id
    events: tuple[str, ...] = ()


class Leave(Command[Done]):
    """An instance stops serving; when it was the last one, what is left goes back to the core.

    `phase` is `unbind` (new traffic goes to the core, the leaver drains) and then `gone`.
    """

    type: ClassVar[str] = "tenant.leave.v1"
    service: ClassVar[str] = "steward"
    serves: Id
    instance: Id
    phase: Literal["unbind", "gone"]
