"""Triage as one table: the first row that fits decides what becomes of a report."""

from collections.abc import Callable
from dataclasses import dataclass

from qipan.contracts.events import Outcome
from services.intake.verification import NO_GRID_WORKER

LIKELY_DUPLICATE = "likely-duplicate"


@dataclass(frozen=True, slots=True)
class Finding:
    """What is known of a report when it is decided about.

    `confidence` (0 to 1) is that of the matter; `least_confidence` what the town asks for before it files
    without a person. `urgent`: by its level or one of the town's words somebody is to look at once.
    `place_uncertain`: the place was found by a name that means a large area. `to_verify`: the
    town wants somebody to look before such a thing is filed; `grid_worker`: there is one for its cell.
    `duplicate_of`: the open one that it surely repeats; `likely_duplicate`: there are such that it may repeat.
    """

    matter: str | None
    confidence: float = 0.0
    least_confidence: float = 0.0
    emergency: bool = False
    out_of_scope: bool = False
    urgent: bool = False
    place_uncertain: bool = False
    duplicate_of: str | None = None
    likely_duplicate: bool = False
    to_verify: bool = False
    grid_worker: bool = True
    self_disposed: bool = False
    self_disposable: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """The outcome and the code of its reason."""

    outcome: Outcome
    reason: str


@dataclass(frozen=True, slots=True)
class Row:
    """One rule of the table."""

    reason: str
    outcome: Outcome
    fits: Callable[[Finding], bool]


TABLE: tuple[Row, ...] = (
    # An emergency is filed at once, whatever else is true: a second call may be a second emergency.
    Row("emergency", Outcome.FILE, lambda f: f.emergency),
    # Whoever calls for help is not sent elsewhere by a machine.
    Row("urgent-out-of-scope", Outcome.HOLD, lambda f: f.urgent and f.out_of_scope and f.matter is None),
    Row("out-of-scope", Outcome.DECLINE, lambda f: f.out_of_scope and f.matter is None),
    Row("no-matter", Outcome.HOLD, lambda f: f.matter is None),
    Row("uncertain-matter", Outcome.HOLD, lambda f: f.confidence < f.least_confidence),
    Row("uncertain-place", Outcome.HOLD, lambda f: f.place_uncertain),
    Row("duplicate", Outcome.MERGE, lambda f: f.duplicate_of is not None),
    Row("self-disposed", Outcome.SELF_DISPOSE, lambda f: f.self_disposed and f.self_disposable),
    # 自处置 is for the small matters that the town's pack names; the rest needs a case and an inspection.
    Row("not-self-disposable", Outcome.FILE, lambda f: f.self_disposed),
    Row(LIKELY_DUPLICATE, Outcome.HOLD, lambda f: f.likely_duplicate),
    Row(NO_GRID_WORKER, Outcome.HOLD, lambda f: f.to_verify and not f.grid_worker),
    Row("to-verify", Outcome.VERIFY, lambda f: f.to_verify),
    Row("in-scope", Outcome.FILE, lambda f: True),
)


def decide(finding: Finding) -> Decision:
    """What becomes of the report, and why."""
    row = next(row for row in TABLE if row.fits(finding))
    return Decision(row.outcome, row.reason)
