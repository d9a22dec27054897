"""The case as everybody may see it: its whole public state, carried by every event about it."""

from datetime import datetime
from enum import StrEnum

from pydantic import Field

from qipan.contracts.base import Part
from qipan.contracts.followed_up import FollowUp
from qipan.contracts.supervised import Supervision


class Stage(StrEnum):
    """Where a case stands (GB/T 30428's loop after filing)."""

    FILED = "filed"  # 立案: filed, nobody could be chosen yet: waits for a dispatcher
    OFFERED = "offered"  # 派遣: a unit and worker have been asked
    ACCEPTED = "accepted"  # the handler has taken it
    RETURNED = "returned"  # 退件: waits for a dispatcher's decision
    DISPOSED = "disposed"  # 处置: done with evidence, waits for inspection
    INSPECTED = "inspected"  # 核查 passed, waits to be closed
    REWORK = "rework"  # 返工: inspection failed, the same unit is asked again
    CLOSED = "closed"  # 结案
    VOIDED = "voided"  # 作废


OPEN_STAGES = frozenset(Stage) - {Stage.CLOSED, Stage.VOIDED}


class Located(Part):
    """How a place was found that was not given as coordinates.

    `by` is `gazetteer` (a landmark's name in the address) or `component`; `name` the landmark's, or the
    component's id. `confidence` (0 to 1) is that it was meant, `metres` how far off the point may be.
    """

    by: str
    name: str
    confidence: float
    metres: float


class Place(Part):
    """A point in WGS-84 degrees and the cells it lay in when the report was triaged, by layer.

    `located` says how the point was found; without it, it was given. `component` is the id of the component
    (部件) that stands there, when the report is about one.
    """

    lon: float
    lat: float
    cells: dict[str, str] = Field(default_factory=dict)
    address: str | None = None
    located: Located | None = None
    component: str | None = None


class Counters(Part):
    """How often each thing happened so far; cumulative, so that a gap in events loses nothing.

    Of the returns, `unjustified_returns` were refused by a dispatcher (推诿), and `overturned_refusals` of those
    refusals were set aside by the district's arbiter. `overrides`: how often a dispatcher asked another than the one
    recommended.
    """

    offers: int = 0
    returns: int = 0
    disposals: int = 0
    inspections: int = 0
    reworks: int = 0
    overdue: int = 0
    extensions: int = 0
    deferrals: int = 0
    suspensions: int = 0
    escalations: int = 0
    reopened: int = 0
    unjustified_returns: int = 0
    overturned_refusals: int = 0
    overrides: int = 0


class Run(Part):
    """A clock that is over: until when it might run, and when it ended (domain time). `due_at` None: nobody waited."""

    due_at: datetime | None = None
    ended_at: datetime

    @property
    def in_time(self) -> bool:
        """Whether it ended by its deadline."""
        return self.due_at is None or self.ended_at <= self.due_at


class Remark(Part):
    """What somebody decided or objected, when (domain time, UTC) and why. `authority`: on whose or what."""

    by: str
    at: datetime
    reason: str
    authority: str | None = None


class Waiting(Part):
    """Why something waits for somebody who would not come upon it, and what there is to do (`reason`).

    `waits_for`: the one person by name on whose list it is; None where the pack has nobody for it.
    """

    waits_for: str | None = None
    reason: str


class TimeAsked(Part):
    """More or other time that was asked for and not decided on yet; the deadline runs on meanwhile.

    `kind`: `extension` (延期), `deferral` (缓办) or `suspension` (挂账). `until`: the deadline it would then be, when
    work would begin, or when the suspension would be looked at again. `level` decides: `town` or `district`.
    `awaits`: the department (a tenant) that is to endorse it before anybody decides; None where it has, or none is to.
    `endorsed`: who of the department did.
    """

    kind: str
    level: str
    by: str
    at: datetime
    reason: str
    until: datetime
    awaits: str | None = None
    endorsed: Remark | None = None


class ClockState(Part):
    """What there is to a case's clock beside its deadline; a case whose clock simply runs has none.

    `original_due_at`: the deadline to dispose before it was extended. `starts_at`: when a deferred one begins, or a
    reopened one began again. While suspended: since when, when it goes on of itself, and how much of the limit is
    left (seconds, of working time for limits in working units). `escalated`: how far up the running clock's
    time-out was told: 1 those who work on it, 2 the town's lead, 3 the district. `without_year`: the deadline
    reaches into this year, whose notice of public holidays and make-up days is not known here.
    """

    asked: TimeAsked | None = None
    original_due_at: datetime | None = None
    starts_at: datetime | None = None
    suspended_at: datetime | None = None
    resumes_at: datetime | None = None
    left_seconds: float | None = None
    escalated: int = 0
    without_year: int | None = None


class Return(Part):
    """退件: the newest return of the case's task, and what became of it.

    `unit`, `worker` and `task_id` are who gave which task back; `whose` the unit, department or tenant whose the
    matter is, as they say. `refused`: a dispatcher found the return unjustified; `disputed`: the unit objects to
    that; `allowed` or `denied`: what the district's arbiter then decided, which is final.
    """

    unit: str | None = None
    worker: str | None = None
    task_id: str | None = None
    reason: str | None = None
    whose: str | None = None
    at: datetime
    refused: Remark | None = None
    disputed: Remark | None = None
    allowed: Remark | None = None
    denied: Remark | None = None


class Going(StrEnum):
    """How far whoever has a case has come with it."""

    EN_ROUTE = "en-route"  # 途中
    ON_SCENE = "on-scene"  # 到场


class Leg(Part):
    """That a worker is on the way to a case or there, since when (domain time, UTC)."""

    state: Going
    since: datetime


class HandoverState(StrEnum):
    """Where a hand-over stands."""

    ASKED = "asked"
    ACCEPTED = "accepted"
    REFUSED = "refused"


class Handover(Part):
    """移交: the newest hand-over. `to` is a unit's id, a town's or the district's; `by` asked for it, with a `reason`.

    `holder` is the tenant whose dispatcher commands the case since it was taken over; None where it arose.
    `due_at`: until when `to` is to answer; once it refused or that has passed (`unanswered_at`), until when the
    district's arbiter is to decide (`undecided_at`: that has passed, too). `withdrawn`: who asked took it back before
    anybody answered. `decided`: the district said whose it is, finally.
    """

    to: str
    state: HandoverState
    reason: str
    by: str
    at: datetime
    holder: str | None = None
    due_at: datetime | None = None
    unanswered_at: datetime | None = None
    undecided_at: datetime | None = None
    refused: Remark | None = None
    withdrawn: Remark | None = None
    decided: Remark | None = None


class SupportState(StrEnum):
    """Where a supporting unit's child task stands."""

    ASKED = "asked"
    ACCEPTED = "accepted"
    DONE = "done"
    RETURNED = "returned"  # waits for a dispatcher, who excuses the unit
    EXCUSED = "excused"


class Support(Part):
    """协办: the part of one supporting unit.

    `reason` is what it was asked to do, `note` what it reported, or why it was returned or excused.
    `through_department`: the unit may not be commanded by who asks, so its department was asked to send somebody.
    `leg`: how far its worker has come with it; None: nowhere that anybody said, or the part is over.
    `due_at`: until when it is to be accepted, `overdue_at`: when that had passed. `waiting`: the part was given back,
    or nobody took it in time, and a dispatcher has to do something about it.
    """

    task_id: str
    unit: str
    department: str | None = None
    worker: str | None = None
    state: SupportState
    reason: str = ""
    note: str | None = None
    evidence: tuple[str, ...] = ()
    asked_at: datetime
    changed_at: datetime
    through_department: bool = False
    leg: Leg | None = None
    due_at: datetime | None = None
    overdue_at: datetime | None = None
    waiting: Waiting | None = None


class CaseState(Part):
    """Everything public about a case at one version. Times are domain time in UTC.

    `own_stage` is the narrower stage that the case stands in, a part of `stage`: a town's own, or the district's
    `arbitration` or `suspended`; None where there is none.
    `mandate` is the one under which a town commands the unit; None where the unit's department does so itself.
    A filed case with a department and no unit waits for that department, which was asked to assign one.
    `stage_times` holds the newest moment each stage was entered; `due_at` is the running stage's deadline (None
    while suspended), `yellow_at` the moment from which little of it is left, `dispose_due_at` the case's own.
    `disposed_by`: everybody who disposed of it, in every round, with the services that reported it for them.
    `waiting`: that no grid worker may inspect the disposed case, and who does.
    `declined`: the units that gave it back, which are not recommended again; of these `let_off` by the district's
    arbiter, to which nobody offers it again.
    `runs`: the newest run that ended of the clocks `file` (the acceptor's, before filing), `dispatch`, `inspect`
    and `close`. That of disposal is told by `dispose_due_at` and `disposed_at`.
    """

    case_id: str
    report_id: str
    tenant: str
    version: int
    stage: Stage
    own_stage: str | None = None
    matter: str
    place: Place
    summary: str
    channel: str
    received_at: datetime
    filed_at: datetime
    due_at: datetime | None = None
    yellow_at: datetime | None = None
    dispose_due_at: datetime | None = None
    disposed_at: datetime | None = None
    closed_at: datetime | None = None
    department: str | None = None
    unit: str | None = None
    worker: str | None = None
    task_id: str | None = None
    mandate: str | None = None
    served_by: str = ""
    reason: str | None = None
    evidence: tuple[str, ...] = ()
    rating: int | None = None
    counters: Counters = Counters()
    stage_times: dict[Stage, datetime] = Field(default_factory=dict)
    clock: ClockState | None = None
    returned: Return | None = None
    supports: tuple[Support, ...] = ()
    handover: Handover | None = None
    supervision: Supervision | None = None
    follow_up: FollowUp | None = None
    leg: Leg | None = None
    waiting: Waiting | None = None
    disposed_by: tuple[str, ...] = ()
    declined: tuple[str, ...] = ()
    let_off: tuple[str, ...] = ()
    runs: dict[str, Run] = Field(default_factory=dict)
