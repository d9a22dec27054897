"""核实: a grid worker looks at what was reported, on the spot, before it is filed."""

from datetime import datetime
from typing import ClassVar

from qipan.contracts.base import Command, Event, Part, Query
from qipan.contracts.case import Place
from qipan.contracts.checked import Finding
from qipan.contracts.commands import Evidence, Id, ReportAnswer, Text
from qipan.contracts.level import Level
from qipan.contracts.queries import Limit


class Verification(Part):
    """A report that waits for a grid worker to look, and until when. `matter` is what it is thought to be."""

    report_id: str
    tenant: str
    cell: str
    text: str
    matter: str | None = None
    place: Place
    level: Level | None = None
    received_at: datetime
    asked_at: datetime
    due_at: datetime
    asked_by: str
    reason: str


class Verifications(Part):
    """A page of waiting verifications, the most pressing first."""

    verifications: tuple[Verification, ...]
    next: str | None = None


class ListVerifications(Query[Verifications]):
    """What waits to be looked at: a grid worker's own cells, for others the town."""

    type: ClassVar[str] = "verification.list.v1"
    service: ClassVar[str] = "intake"
    limit: Limit = 100
    after: str | None = None


class AnswerVerification(Command[ReportAnswer]):
    """What the grid worker found. `matter`: what it really is, of one that is `different`, where it is known."""

    type: ClassVar[str] = "verification.answer.v1"
    service: ClassVar[str] = "intake"
    report_id: Id
    finding: Finding
    matter: str | None = None
    note: Text = ""
    evidence: Evidence = ()


class VerificationAsked(Event):
    """核实: the grid worker of `cell` is asked to look, by `due_at` (domain time); told again when asked again."""

    type: ClassVar[str] = "verification.asked.v1"
    report_id: str
    cell: str
    matter: str | None = None
    place: Place
    level: Level | None = None
    asked_at: datetime
    due_at: datetime
    asked_by: str
    reason: str
