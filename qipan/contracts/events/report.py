"""Events about reports, before and beside their cases."""

from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from pydantic import Field

from qipan.contracts.base import Event
from qipan.contracts.case import Located, Place
from qipan.contracts.checked import Checked
from qipan.contracts.level import Level
from qipan.contracts.responsible import Responsible


class Outcome(StrEnum):
    """What triage decided about a report."""

    FILE = "file"  # 立案
    SELF_DISPOSE = "self-dispose"  # 自处置
    DECLINE = "decline"  # 不予受理
    HOLD = "hold"  # waits for a person
    MERGE = "merge"  # joined to an earlier report of the same thing
    VERIFY = "verify"  # 核实: a grid worker looks at it on the spot before it is filed


class ReportReceived(Event):
    """Intake's door stored a report and acknowledged it.

    `self_disposed`: a grid worker says that the matter was put right on the spot (自处置). `located`: how the
    place was found, when it was not given as coordinates. `component`: the one that the report names. `level`:
    the risk that the sender sees.
    """

    type: ClassVar[str] = "report.received.v1"
    report_id: str
    channel: str
    text: str
    lon: float
    lat: float
    address: str | None = None
    matter: str | None = None
    self_disposed: bool = False
    received_at: datetime
    located: Located | None = None
    component: str | None = None
    level: Level | None = None


class ReportTriaged(Event):
    """Intake located, classified and decided about a report. `responsible`: whose a declined one is.

    `verification`: how the look on the spot stands or ended, where a grid worker was asked. `due_at`: until when
    an acceptor was to decide about it (domain time), where it waited for one. `waited`: it lay with a person, or
    for a person's time, before this was decided.
    """

    type: ClassVar[str] = "report.triaged.v1"
    report_id: str
    outcome: Outcome
    matter: str | None = None
    place: Place
    summary: str
    channel: str
    received_at: datetime
    triaged_at: datetime
    reason: str | None = None
    merged_into: str | None = None
    responsible: Responsible | None = None
    level: Level | None = None
    verification: Checked | None = None
    due_at: datetime | None = None
    waited: bool = False


class ReportRated(Event):
    """好差评: the reporter, known by the tracking token, rated what became of the report, 1 (worst) to 5."""

    type: ClassVar[str] = "report.rated.v1"
    report_id: str
    case_id: str
    rating: int = Field(ge=1, le=5)
    note: str = ""
    rated_at: datetime


class ReportReopened(Event):
    """重开: the reporter, known by the tracking token, wants the case taken up again that was closed at `closed_at`."""

    type: ClassVar[str] = "report.reopened.v1"
    report_id: str
    case_id: str
    reason: str
    closed_at: datetime
    reopened_at: datetime


class ReportCommented(Event):
    """The reporter, known by the tracking token, added something. `case_id`: the case that it is about, if any."""

    type: ClassVar[str] = "report.commented.v1"
    report_id: str
    comment_id: str
    case_id: str | None = None
    text: str
    commented_at: datetime


class ReadingObserved(Event):
    """A sensor of this tenant measured something."""

    type: ClassVar[str] = "reading.observed.v1"
    reading_id: str
    device: str
    quantity: str
    value: float
    unit: str
    lon: float
    lat: float
    observed_at: datetime
