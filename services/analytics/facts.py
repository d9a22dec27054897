"""What analytics keeps of a case or report: its newest state, reduced to what the totals need."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from qipan.contracts.case import CaseState, Stage
from qipan.contracts.checked import Checked
from qipan.contracts.events import Outcome, ReportTriaged
from qipan.territory.cell import DUTY_LAYER

POSITIVE_RATING = 3


class Traits(NamedTuple):
    """By what a case or report is counted besides its tenant and time; None is not counted by that trait."""

    department: str | None
    matter: str | None
    cell: str | None
    channel: str | None


class Moment(NamedTuple):
    """One counter's step for one thing: of what kind, when (UTC)."""

    traits: Traits
    at: datetime
    counter: str


@dataclass(frozen=True, slots=True)
class CaseFacts:
    """A case at one version. Fields are the columns of `case_states`, in their order."""

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

    @classmethod
    def of(cls, case: CaseState) -> "CaseFacts":
        """What is kept of a case's public state."""
        counters = case.counters
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
        )

    @property
    def key(self) -> tuple[str, str]:
        """Whose fact it is."""
        return self.tenant, self.case_id

    @property
    def order(self) -> tuple[int]:
        """The greater of two is the newer."""
        return (self.version,)

    def moments(self) -> dict[Moment, int]:
        """What this state counts for; the state alone decides, so that the newest one says it all."""
        traits = Traits(self.department, self.matter, self.cell, self.channel)
        return {Moment(traits, at, counter): count for at, counter, count in self._steps() if count}

    def _steps(self) -> Iterator[tuple[datetime, str, int]]:
        filed, due, disposed, closed = self.filed_at, self.dispose_due_at, self.disposed_at, self.closed_at
        yield filed, "filed", 1
        yield filed, "offers", self.offers
        yield filed, "returns", self.returns
        yield filed, "unjustified", self.unjustified
        if self.stage == Stage.VOIDED:
            yield closed or filed, "voided", 1
            return
        if self.stage != Stage.CLOSED:
            yield filed, "open", 1
        elif closed is not None:
            yield closed, "closed", 1
            if self.rating is not None:
                yield closed, "rated", 1
                yield closed, "satisfied", int(self.rating >= POSITIVE_RATING)
            for bit, counter in enumerate(("contacted", "contacted_on_time", "resolved", "content")):
                yield closed, counter, self.callback >> bit & 1
        if disposed is not None:
            late = due is not None and disposed > due
            yield disposed, "disposed", 1
            yield disposed, "on_time", int(not late)
            yield disposed, "reworked", int(self.reworks > 0)
            yield disposed, "extended_disposed", int(self.extensions > 0)
            yield disposed, "settled", int(self.stage == Stage.CLOSED)
            if due is not None and late:
                yield due, "late", 1
        elif due is not None:
            yield due, "undisposed", 1
            yield due, "extended_undisposed", int(self.extensions > 0)


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
