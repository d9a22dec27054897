"""What analytics keeps of a case or report: its newest state, reduced to what the totals need."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from qipan.contracts.case import CaseState, Run, Stage
from qipan.contracts.checked import Checked
from qipan.contracts.events import Outcome, ReportTriaged
from qipan.personal import struck
from qipan.territory.cell import DUTY_LAYER
from qipan.worktime import Calendar, worked_between

POSITIVE_RATING = 3

WAITS_FOR_DISPATCH = frozenset({Stage.FILED, Stage.RETURNED})

DONE = frozenset({Stage.DISPOSED, Stage.INSPECTED, Stage.CLOSED})

MINUTE = timedelta(minutes=1)


class Traits(NamedTuple):
    """By what a case or report is counted besides its tenant and time; None is not counted by that trait."""

    department: str | None
    matter: str | None
    cell: str | None
    channel: str | None
    unit: str | None = None


class Moment(NamedTuple):
    """One counter's step for one thing: of what kind, when (UTC)."""

    traits: Traits
    at: datetime
    counter: str


@dataclass(frozen=True, slots=True)
class CaseFacts:
    """A case at one version. Fields are the columns of `case_states`, in their order.

    `due_at` is the running stage's deadline. `…_in_time` are 1 or 0; `work_minutes` the tenant's working time from
    filing to disposal. `dispatched_at` and `inspected_at` are the newest. `said` is the report's beginning, `did` what
    who disposed of it wrote for colleagues. Phone numbers, mail addresses and identity card numbers are struck out of
    both (`qipan.personal`) and nothing else: names, flats and number plates are not recognised and stay.
    """

    tenant: str
    case_id: str
    version: int
    stage: str
    department: str | None
    matter: str
    cell: str | None
    channel: str
    filed_at: datetime
    dispose_due_at: datetime | None
    disposed_at: datetime | None
    closed_at: datetime | None
    offers: int
    returns: int
    reworks: int
    rating: int | None
    unjustified: int = 0
    callback: int = 0
    extensions: int = 0
    due_at: datetime | None = None
    filed_in_time: int = 1
    dispatched_at: datetime | None = None
    dispatched_in_time: int = 1
    inspected_at: datetime | None = None
    inspected_in_time: int = 1
    closed_in_time: int = 1
    work_minutes: int = 0
    unit: str | None = None
    lon: float = 0.0
    lat: float = 0.0
    component: str | None = None
    said: str = ""
    did: str = ""

    @classmethod
    def of(cls, case: CaseState, calendar: Calendar | None = None) -> "CaseFacts":
        """What is kept of a case's public state; without a calendar no working time is counted."""
        counters, runs = case.counters, case.runs
        dispatched, inspected = runs.get("dispatch"), runs.get("inspect")
        return cls(
            case.tenant,
            case.case_id,
            case.version,
            case.stage.value,
            case.department,
            case.matter,
            case.place.cells.get(DUTY_LAYER),
            case.channel,
            case.filed_at,
            case.dispose_due_at,
            case.disposed_at,
            case.closed_at,
            counters.offers,
            counters.returns,
            counters.reworks,
            case.rating,
            counters.unjustified_returns - counters.overturned_refusals,
            _of_callback(case),
            counters.extensions,
            case.due_at,
            _in_time(runs.get("file")),
            dispatched.ended_at if dispatched else None,
            _in_time(dispatched),
            inspected.ended_at if inspected else None,
            _in_time(inspected),
            _in_time(runs.get("close")),
            _worked(case, calendar),
            case.unit,
            case.place.lon,
            case.place.lat,
            case.place.component,
            case.summary,
            struck(case.reason) if case.reason and case.stage in DONE else "",
        )

    @property
    def key(self) -> tuple[str, str]:
        """Whose fact it is."""
        return self.tenant, self.case_id

    @property
    def order(self) -> tuple[int]:
        """The greater of two is the newer."""
        return (self.version,)

    @property
    def disposed_in_time(self) -> bool:
        """Whether it was disposed of by its own deadline."""
        due, disposed = self.dispose_due_at, self.disposed_at
        return disposed is not None and (due is None or disposed <= due)

    def moments(self) -> dict[Moment, int]:
        """What this state counts for; the state alone decides, so that the newest one says it all."""
        traits = Traits(self.department, self.matter, self.cell, self.channel, self.unit)
        return {Moment(traits, at, counter): count for at, counter, count in self._steps() if count}

    def _steps(self) -> Iterator[tuple[datetime, str, int]]:
        filed, voided = self.filed_at, self.stage == Stage.VOIDED
        yield filed, "filed", 1
        yield filed, "filed_well", int(self.filed_in_time and not voided)
        yield filed, "offers", self.offers
        yield filed, "returns", self.returns
        yield filed, "unjustified", self.unjustified
        if voided:
            yield self.closed_at or filed, "voided", 1
            return
        yield from self._centre()
        yield from self._disposal()
        if self.stage == Stage.CLOSED and self.closed_at is not None:
            yield from self._closure(self.closed_at)
        elif self.stage != Stage.CLOSED:
            yield filed, "open", 1
            if (due := self.dispose_due_at) is not None:
                yield due, "unclosed", 1
                yield due, "reworked_unclosed", int(self.reworks > 0)

    def _centre(self) -> Iterator[tuple[datetime, str, int]]:
        """What dispatchers and inspectors last did, or have to do again."""
        waits, unseen = self.stage in WAITS_FOR_DISPATCH, self.stage == Stage.DISPOSED
        if (at := self.dispatched_at) is not None and not waits:
            yield at, "dispatched", 1
            yield at, "dispatched_well", int(self.dispatched_in_time and self.returns <= self.unjustified)
        if (at := self.inspected_at) is not None and not unseen:
            yield at, "inspected", 1
            yield at, "inspected_on_time", self.inspected_in_time
        if (due := self.due_at) is not None:
            yield due, "undispatched", int(waits)
            yield due, "uninspected", int(unseen)

    def _disposal(self) -> Iterator[tuple[datetime, str, int]]:
        due, disposed = self.dispose_due_at, self.disposed_at
        if disposed is not None:
            yield disposed, "disposed", 1
            yield disposed, "on_time", int(self.disposed_in_time)
            yield disposed, "reworked", int(self.reworks > 0)
            yield disposed, "extended_disposed", int(self.extensions > 0)
            yield disposed, "settled", int(self.stage == Stage.CLOSED)
            yield disposed, "work_minutes", self.work_minutes
            if due is not None and not self.disposed_in_time:
                yield due, "late", 1
        elif due is not None:
            yield due, "undisposed", 1
            yield due, "extended_undisposed", int(self.extensions > 0)

    def _closure(self, closed: datetime) -> Iterator[tuple[datetime, str, int]]:
        yield closed, "closed", 1
        yield closed, "closed_on_time", int(self.disposed_in_time and self.closed_in_time)
        yield closed, "closed_reworked", int(self.reworks > 0)
        if self.rating is not None:
            yield closed, "rated", 1
            yield closed, "satisfied", int(self.rating >= POSITIVE_RATING)
        for bit, counter in enumerate(("contacted", "contacted_on_time", "resolved", "content")):
            yield closed, counter, self.callback >> bit & 1


def _in_time(run: Run | None) -> int:
    """1 for what ended in time; what never ran kept nobody waiting."""
    return int(run is None or run.in_time)


def _worked(case: CaseState, calendar: Calendar | None) -> int:
    if calendar is None or case.disposed_at is None:
        return 0
    return worked_between(case.filed_at, case.disposed_at, calendar) // MINUTE


def _of_callback(case: CaseState) -> int:
    """A bit each: contacted, in time, resolved, content."""
    called = case.follow_up.callback if case.follow_up else None
    if called is None or not called.contacted:
        return 0
    return 1 | called.in_time << 1 | bool(called.resolved) << 2 | bool(called.satisfied) << 3


_OUTCOMES = {
    Outcome.FILE: "for_filing",
    Outcome.SELF_DISPOSE: "self_disposed",
    Outcome.DECLINE: "declined",
    Outcome.HOLD: "held",
    Outcome.MERGE: "merged",
    Outcome.VERIFY: "verifying",
}


_WAITS = {Outcome.HOLD.value: 0, Outcome.VERIFY.value: 1}


@dataclass(frozen=True, slots=True)
class ReportFacts:
    """What triage last decided about a report. Fields are the columns of `report_states`, in their order."""

    tenant: str
    report_id: str
    triaged_at: datetime
    outcome: str
    matter: str | None
    cell: str | None
    channel: str
    received_at: datetime
    verified_on_time: int | None = None

    @classmethod
    def of(cls, tenant: str, report: ReportTriaged) -> "ReportFacts":
        """What is kept of a triaged report."""
        return cls(
            tenant,
            report.report_id,
            report.triaged_at,
            report.outcome.value,
            report.matter,
            report.place.cells.get(DUTY_LAYER),
            report.channel,
            report.received_at,
            _on_time(report.verification),
        )

    @property
    def key(self) -> tuple[str, str]:
        """Whose fact it is."""
        return self.tenant, self.report_id

    @property
    def order(self) -> tuple[datetime, int, str]:
        """The greater of two is the newer; at the same moment holding comes first, then asking, then a decision."""
        return self.triaged_at, _WAITS.get(self.outcome, len(_WAITS)), self.outcome

    def moments(self) -> dict[Moment, int]:
        """What this state counts for."""
        traits = Traits(None, self.matter, self.cell, self.channel)
        counters = ["received", _OUTCOMES[Outcome(self.outcome)]]
        if self.verified_on_time is not None:
            counters += ["verified", "verified_on_time"] if self.verified_on_time else ["verified"]
        return {Moment(traits, self.received_at, counter): 1 for counter in counters}


def _on_time(verification: Checked | None) -> int | None:
    """1 or 0 of a verification that is over; None where nobody was asked, or still is."""
    if verification is None or (verification.answered_at is None and verification.lapsed_at is None):
        return None
    return int(verification.on_time)
