"""Events: facts in the past tense. A new major is a new class beside the old one."""

from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from pydantic import Field

from qipan.contracts.base import Event
from qipan.contracts.case import CaseState, Located, Place
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

    `verification`: how the look on the spot stands or ended, where a grid worker was asked.
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


class CaseEvent(Event):
    """A step in a case's life, with the whole public state after it."""

    case: CaseState


class CaseFiled(CaseEvent):
    """立案; when a handler could be chosen at once, already offered (stage `offered`)."""

    type: ClassVar[str] = "case.filed.v1"


class CaseDispatched(CaseEvent):
    """派遣: offered to a unit and a worker by a dispatcher, or offered again."""

    type: ClassVar[str] = "case.dispatched.v1"


class CaseAccepted(CaseEvent):
    """The handler took the task."""

    type: ClassVar[str] = "case.accepted.v1"


class CaseDeparted(CaseEvent):
    """The handler is on the way (`case.leg`)."""

    type: ClassVar[str] = "case.departed.v1"


class CaseArrived(CaseEvent):
    """The handler is on the scene (`case.leg`)."""

    type: ClassVar[str] = "case.arrived.v1"


class CaseReturned(CaseEvent):
    """退件: the handler gave the task back with a reason."""

    type: ClassVar[str] = "case.returned.v1"


class CaseReturnRefused(CaseEvent):
    """退件不准: a dispatcher found the return unjustified; the task is the same unit's again."""

    type: ClassVar[str] = "case.return.refused.v1"


class CaseDisputed(CaseEvent):
    """申请裁决: the unit objects to the refusal; the district's arbiter decides (`own_stage` arbitration)."""

    type: ClassVar[str] = "case.disputed.v1"


class CaseReturnAllowed(CaseEvent):
    """The arbiter found the return justified: a dispatcher finds somebody else."""

    type: ClassVar[str] = "case.return.allowed.v1"


class CaseReturnDenied(CaseEvent):
    """The arbiter found the return unjustified: the task is the unit's, finally."""

    type: ClassVar[str] = "case.return.denied.v1"


class CaseHandoverAsked(CaseEvent):
    """移交: whoever has the case says that it is another's (`case.handover.to`)."""

    type: ClassVar[str] = "case.handover.asked.v1"


class CaseHandoverAccepted(CaseEvent):
    """Another tenant has taken the case over: its dispatcher finds somebody."""

    type: ClassVar[str] = "case.handover.accepted.v1"


class CaseHandoverTaken(CaseEvent):
    """A worker of another unit of the town has taken the case over."""

    type: ClassVar[str] = "case.handover.taken.v1"


class CaseHandoverRefused(CaseEvent):
    """The one who was asked to take the case over refused."""

    type: ClassVar[str] = "case.handover.refused.v1"


class CaseHandoverUnanswered(CaseEvent):
    """Nobody answered the hand-over in time: the district's arbiter decides, unless the other town is faster."""

    type: ClassVar[str] = "case.handover.unanswered.v1"


class CaseHandoverUndecided(CaseEvent):
    """The district's arbiter has not decided about the hand-over in time; told once."""

    type: ClassVar[str] = "case.handover.undecided.v1"


class CaseHandoverWithdrawn(CaseEvent):
    """Who offered the case took the offer back before anybody answered."""

    type: ClassVar[str] = "case.handover.withdrawn.v1"


class CaseHandoverDecided(CaseEvent):
    """The district said whose the case is."""

    type: ClassVar[str] = "case.handover.decided.v1"


class CaseSupportAsked(CaseEvent):
    """联合处置: another unit was asked to help; the newest of `case.supports`."""

    type: ClassVar[str] = "case.support.asked.v1"


class CaseSupportAccepted(CaseEvent):
    """A supporting unit took its child task."""

    type: ClassVar[str] = "case.support.accepted.v1"


class CaseSupportDeparted(CaseEvent):
    """A supporting unit's worker set off: the child task's `leg` says so."""

    type: ClassVar[str] = "case.support.departed.v1"


class CaseSupportArrived(CaseEvent):
    """A supporting unit's worker is on the scene."""

    type: ClassVar[str] = "case.support.arrived.v1"


class CaseSupportFinished(CaseEvent):
    """A supporting unit reported its part done, with evidence."""

    type: ClassVar[str] = "case.support.finished.v1"


class CaseSupportReturned(CaseEvent):
    """A supporting unit gave its child task back, with a reason."""

    type: ClassVar[str] = "case.support.returned.v1"


class CaseSupportOverdue(CaseEvent):
    """A supporting unit did not take its child task in time: a dispatcher asks another, or excuses it."""

    type: ClassVar[str] = "case.support.overdue.v1"


class CaseSupportExcused(CaseEvent):
    """A dispatcher lets the case go on without one unit's part."""

    type: ClassVar[str] = "case.support.excused.v1"


class CaseDisposed(CaseEvent):
    """处置: the handler reported it done, with evidence."""

    type: ClassVar[str] = "case.disposed.v1"


class CaseInspected(CaseEvent):
    """核查: someone else looked, and it was good."""

    type: ClassVar[str] = "case.inspected.v1"


class CaseReworked(CaseEvent):
    """返工: someone else looked, and it was not good."""

    type: ClassVar[str] = "case.reworked.v1"


class CaseClosed(CaseEvent):
    """结案."""

    type: ClassVar[str] = "case.closed.v1"


class CaseVoided(CaseEvent):
    """作废."""

    type: ClassVar[str] = "case.voided.v1"


class CaseOverdue(CaseEvent):
    """A stage's clock ran out."""

    type: ClassVar[str] = "case.overdue.v1"


class CaseRated(CaseEvent):
    """好差评: the reporter rated a closed case, 1 (worst) to 5."""

    type: ClassVar[str] = "case.rated.v1"


class CaseMoved(CaseEvent):
    """A step of a town's own within one of the district's stages; `case.own_stage` says where it stands."""

    type: ClassVar[str] = "case.moved.v1"


class CaseTimeAsked(CaseEvent):
    """The handler asked for more or other time (`case.clock.asked`); the deadline runs on until it is approved."""

    type: ClassVar[str] = "time.asked.v1"


class CaseTimeEndorsed(CaseEvent):
    """The department endorsed what was asked for (`case.clock.asked.endorsed`), which now waits for a decision."""

    type: ClassVar[str] = "time.endorsed.v1"


class CaseTimeUnendorsed(CaseEvent):
    """The department did not endorse what was asked for, which ends it; the deadline is what it was."""

    type: ClassVar[str] = "time.unendorsed.v1"


class CaseTimeRefused(CaseEvent):
    """What was asked for was refused; the deadline is what it was."""

    type: ClassVar[str] = "time.refused.v1"


class CaseExtended(CaseEvent):
    """延期: the deadline is later."""

    type: ClassVar[str] = "case.extended.v1"


class CaseDeferred(CaseEvent):
    """缓办: the time to dispose begins later (`case.clock.starts_at`)."""

    type: ClassVar[str] = "case.deferred.v1"


class CaseSuspended(CaseEvent):
    """挂账: the clock stands still; the case is in the library of open problems (问题库)."""

    type: ClassVar[str] = "case.suspended.v1"


class CaseResumed(CaseEvent):
    """A suspended case goes on, with the time that was left."""

    type: ClassVar[str] = "case.resumed.v1"


class CaseEscalated(CaseEvent):
    """A clock that ran out was told one level higher (`case.clock.escalated`)."""

    type: ClassVar[str] = "case.escalated.v1"


class CaseSupervised(CaseEvent):
    """督办: a supervisor or lead wants an answer in time; `case.supervision` says who, why and by when."""

    type: ClassVar[str] = "case.supervised.v1"


class CaseSupervisionAnswered(CaseEvent):
    """The supervision was answered, and so lifted."""

    type: ClassVar[str] = "supervision.answered.v1"


class CaseSupervisionOverdue(CaseEvent):
    """No answer to the supervision came in time."""

    type: ClassVar[str] = "supervision.overdue.v1"


class CaseExpedited(CaseEvent):
    """催办: the case was asked after."""

    type: ClassVar[str] = "case.expedited.v1"


class CaseRemarked(CaseEvent):
    """督察意见: an auditor remarked upon the case; the words are in its history."""

    type: ClassVar[str] = "case.remarked.v1"


class CaseReopened(CaseEvent):
    """重开: the reporter had a closed case taken up again; a dispatcher decides whose it is."""

    type: ClassVar[str] = "case.reopened.v1"


class CaseCalledBack(CaseEvent):
    """回访: somebody asked the reporter of a closed case; `case.follow_up.callback` says what came of it."""

    type: ClassVar[str] = "case.calledback.v1"


class CaseWithdrawn(CaseEvent):
    """The task is taken away, and a dispatcher decides whose the case is: reworked too often, or its worker left.

    `case.reason` says which.
    """

    type: ClassVar[str] = "case.withdrawn.v1"


class RectificationOpened(CaseEvent):
    """整改: a poor rating asks the unit to put right what it left; `case.follow_up` says until when."""

    type: ClassVar[str] = "rectification.opened.v1"


class RectificationAnswered(CaseEvent):
    """The unit says, with evidence, what it put right."""

    type: ClassVar[str] = "rectification.answered.v1"


class RectificationRefused(CaseEvent):
    """A shift leader did not accept the answer: another is due."""

    type: ClassVar[str] = "rectification.refused.v1"


class RectificationClosed(CaseEvent):
    """A shift leader accepted the answer."""

    type: ClassVar[str] = "rectification.closed.v1"


class RectificationOverdue(CaseEvent):
    """No answer to the rectification came in time."""

    type: ClassVar[str] = "rectification.overdue.v1"


class CaseReferred(CaseEvent):
    """商请: `case.department` is asked to assign a unit of its own, because its units may not be commanded here."""

    type: ClassVar[str] = "case.referred.v1"


class CaseRecalled(CaseEvent):
    """收回: the mandate under which the unit was sent has ended, and what it took on is its department's to assign."""

    type: ClassVar[str] = "case.recalled.v1"


class CaseContinued(CaseEvent):
    """The mandate under which the unit was sent has ended; what it took on goes on under its department."""

    type: ClassVar[str] = "case.continued.v1"


class TaskOffered(Event):
    """A task was offered to a unit; addressed to the tenant that the unit belongs to (a department's own)."""

    type: ClassVar[str] = "task.offered.v1"
    task_id: str
    case: CaseState


CASE_EVENTS: tuple[type[CaseEvent], ...] = (
    CaseFiled,
    CaseDispatched,
    CaseAccepted,
    CaseDeparted,
    CaseArrived,
    CaseReturned,
    CaseReturnRefused,
    CaseDisputed,
    CaseReturnAllowed,
    CaseReturnDenied,
    CaseHandoverAsked,
    CaseHandoverAccepted,
    CaseHandoverTaken,
    CaseHandoverRefused,
    CaseHandoverUnanswered,
    CaseHandoverUndecided,
    CaseHandoverWithdrawn,
    CaseHandoverDecided,
    CaseSupportAsked,
    CaseSupportAccepted,
    CaseSupportDeparted,
    CaseSupportArrived,
    CaseSupportFinished,
    CaseSupportReturned,
    CaseSupportOverdue,
    CaseSupportExcused,
    CaseDisposed,
    CaseInspected,
    CaseReworked,
    CaseClosed,
    CaseVoided,
    CaseOverdue,
    CaseRated,
    CaseMoved,
    CaseTimeAsked,
    CaseTimeEndorsed,
    CaseTimeUnendorsed,
    CaseTimeRefused,
    CaseExtended,
    CaseDeferred,
    CaseSuspended,
    CaseResumed,
    CaseEscalated,
    CaseReopened,
    CaseCalledBack,
    CaseWithdrawn,
    RectificationOpened,
    RectificationAnswered,
    RectificationRefused,
    RectificationClosed,
    RectificationOverdue,
    CaseSupervised,
    CaseSupervisionAnswered,
    CaseSupervisionOverdue,
    CaseExpedited,
    CaseRemarked,
    CaseReferred,
    CaseRecalled,
    CaseContinued,
)
