"""The books: what clients were promised against what the system shows; they must balance."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from exercise.ledger import Account, Ledger, accounts

__all__ = ["Books", "CaseSeen", "Ledger", "ReportSeen", "Seen", "accounts", "audit", "balance"]

VISIBLE_STATES = (
    "open",
    "closed",
    "voided",
    "declined",
    "merged",
    "held",
    "verifying",
    "self-disposed",
    "dead letter",
)
"""A report is visible when exactly one of these holds for it."""

_INTAKE_STATES = {
    "declined": "declined",
    "merged": "merged",
    "held": "held",
    "verifying": "verifying",
    "self-disposed": "self-disposed",
}
_EXAMPLES = 20


@dataclass(frozen=True, slots=True)
class ReportSeen:
    """A report as intake shows it; `status` is one of intake's words."""

    report_id: str
    tenant: str
    status: str
    channel: str = ""


@dataclass(frozen=True, slots=True)
class CaseSeen:
    """A case as dispatch shows it; the moments are domain time, `served_by` the instance that had it last."""

    case_id: str
    report_id: str
    tenant: str
    stage: str
    open_tasks: int = 0
    overdue: int = 0
    filed_at: datetime | None = None
    disposed_at: datetime | None = None
    closed_at: datetime | None = None
    served_by: str = ""


@dataclass(slots=True)
class Seen:
    """Everything an operator can see after the run.

    `dead` holds the subjects of dead letters (report or case ids), `why_dead` each one's service and reason,
    `doubled_deliveries` what notify sent twice under one key; `totals` are analytics' own: tenant → counter →
    number.
    """

    reports: list[ReportSeen] = field(default_factory=list)
    cases: list[CaseSeen] = field(default_factory=list)
    dead: list[str] = field(default_factory=list)
    dead_letters: int = 0
    why_dead: list[str] = field(default_factory=list)
    notifications: int = 0
    doubled_deliveries: list[str] = field(default_factory=list)
    totals: dict[str, dict[str, int]] = field(default_factory=dict)


@dataclass(slots=True)
class Books:
    """The result of an audit. Counts are of submissions, reports, cases; durations, domain minutes.

    `submitted = accepted + refused + unanswered`; `visible` counts the accepted that are in exactly one
    state; `others` are reports that no ledger knows (services' own); `served_by`: tenant → who served most
    of its cases; `stale` counts reports whose tracking status is behind their case (it should catch up);
    `doubts` names up to twenty of each thing that is wrong.
    """

    submitted: int = 0
    accepted: int = 0
    refused: int = 0
    unanswered: int = 0
    repeats: int = 0
    others: int = 0
    visible: int = 0
    filed: int = 0
    closed: int = 0
    open: int = 0
    dead_letters: int = 0
    lost: int = 0
    duplicate_effects: int = 0
    stale: int = 0
    notifications: int = 0
    served_by: dict[str, str] = field(default_factory=dict)
    by_state: dict[str, int] = field(default_factory=dict)
    by_channel: dict[str, int] = field(default_factory=dict)
    by_town: dict[str, dict[str, int]] = field(default_factory=dict)
    refusals: dict[str, int] = field(default_factory=dict)
    durations: dict[str, dict[str, float]] = field(default_factory=dict)
    doubts: dict[str, list[str]] = field(default_factory=dict)

    @property
    def balanced(self) -> bool:
        """Nothing lost, nothing doubled, and every acknowledged report visible in exactly one state."""
        return self.lost == 0 and self.duplicate_effects == 0 and self.visible == self.accepted

    def to_dict(self) -> dict[str, Any]:
        """Plain data for a JSON file."""
        return {**asdict(self), "balanced": self.balanced}


def audit(database_urls: Mapping[str, str], ledger: Path | Iterable[Path]) -> Books:
    """Balance the ledgers against the services' own databases (`database_urls`: schema → URL of its role)."""
    from exercise.sightings import look  # the rules of balancing stay usable without a database driver

    return balance(accounts([ledger] if isinstance(ledger, Path) else ledger), look(database_urls))


def balance(sent: Mapping[str, Account], seen: Seen) -> Books:
    """Compare what was promised with what is seen."""
    books = Books(notifications=seen.notifications, dead_letters=seen.dead_letters)
    _count_answers(books, sent.values())
    states = _states(seen)
    for account in sent.values():
        if not account.accepted:
            continue
        found = states.get(account.report_id, ())
        if len(found) == 1:
            books.visible += 1
            books.by_state[found[0]] = books.by_state.get(found[0], 0) + 1
        elif not found:
            books.lost += 1
            _doubt(books, "lost", f"{account.key}: {account.report_id}")
    known = {account.report_id for account in sent.values() if account.accepted}
    books.others = sum(report.report_id not in known for report in seen.reports)
    for reason in seen.why_dead:
        _doubt(books, "dead letter", reason)
    _count_cases(books, seen.cases)
    _count_stale(books, seen)
    _count_doubles(books, sent.values(), seen, states)
    return books


def _count_answers(books: Books, sent: Iterable[Account]) -> None:
    channels: Counter[str] = Counter()
    refusals: Counter[str] = Counter()
    towns: Counter[str] = Counter()
    for account in sent:
        books.submitted += 1
        if account.accepted:
            books.accepted += 1
            books.repeats += account.answers - 1
            channels[account.channel] += 1
            towns[account.tenant or account.town] += 1
        elif account.refused:
            books.refused += 1
            refusals[account.refusal] += 1
        else:
            books.unanswered += 1
    books.by_channel = dict(channels.most_common())
    books.refusals = dict(refusals.most_common())
    books.by_town = {town: {"accepted": count} for town, count in sorted(towns.items())}


def _states(seen: Seen) -> dict[str, list[str]]:
    """Report id → the states in which it is seen, each once."""
    states: dict[str, list[str]] = {}
    case_of = {case.case_id: case.report_id for case in seen.cases}
    for case in seen.cases:
        state = case.stage if case.stage in ("closed", "voided") else "open"
        _add(states, case.report_id, state)
    for report in seen.reports:
        if report.status in _INTAKE_STATES:
            _add(states, report.report_id, _INTAKE_STATES[report.status])
    for subject in seen.dead:
        report_id = case_of.get(subject, subject)
        if report_id not in states:
            _add(states, report_id, "dead letter")
    return states


def _add(states: dict[str, list[str]], report_id: str, state: str) -> None:
    known = states.setdefault(report_id, [])
    if state not in known:
        known.append(state)


def _count_cases(books: Books, cases: Iterable[CaseSeen]) -> None:
    served: dict[str, Counter[str]] = {}
    disposal: list[float] = []
    closing: list[float] = []
    for case in cases:
        town = books.by_town.setdefault(case.tenant, {})
        state = case.stage if case.stage in ("closed", "voided") else "open"
        for word in ("filed", state):
            town[word] = town.get(word, 0) + 1
        town["overdue"] = town.get("overdue", 0) + min(case.overdue, 1)
        served.setdefault(case.tenant, Counter())[case.served_by] += 1
        books.filed += 1
        books.closed += state == "closed"
        books.open += state == "open"
        if case.filed_at and case.disposed_at:
            disposal.append((case.disposed_at - case.filed_at).total_seconds() / 60)
        if case.filed_at and case.closed_at:
            closing.append((case.closed_at - case.filed_at).total_seconds() / 60)
    books.served_by = {tenant: counts.most_common(1)[0][0] for tenant, counts in sorted(served.items())}
    books.durations = {"filed_to_disposed": _spread(disposal), "filed_to_closed": _spread(closing)}


def _count_stale(books: Books, seen: Seen) -> None:
    stage_of = {case.report_id: case.stage for case in seen.cases}
    for report in seen.reports:
        stage = stage_of.get(report.report_id)
        if stage is not None and report.status not in (stage, *_INTAKE_STATES):
            books.stale += 1
            _doubt(books, "stale", f"{report.report_id}: {report.status}, its case {stage}")


def _count_doubles(
    books: Books, sent: Iterable[Account], seen: Seen, states: Mapping[str, list[str]]
) -> None:
    for account in sent:
        if len(account.report_ids) > 1:
            _double(books, "one key, several reports", f"{account.key}: {', '.join(account.report_ids)}")
    for report_id, found in states.items():
        if len(found) > 1:
            _double(books, "one report, several states", f"{report_id}: {', '.join(found)}")
    for report_id, count in Counter(case.report_id for case in seen.cases).items():
        if count > 1:
            _double(books, "one report, several cases", report_id)
    for case in seen.cases:
        if case.open_tasks > 1:
            _double(books, "one case, several open tasks", case.case_id)
    for key in seen.doubled_deliveries:
        _double(books, "one key, several deliveries", key)
    for difference in _differences(seen):
        _double(books, "totals differ from a recount", difference)


def _differences(seen: Seen) -> Iterator[str]:
    """Where analytics' totals are not what counting the reports and cases themselves gives."""
    counted: dict[str, Counter[str]] = {tenant: Counter() for tenant in seen.totals}
    for report in seen.reports:
        if report.status != "received":
            counted.setdefault(report.tenant, Counter())["received"] += 1
    for case in seen.cases:
        counter = counted.setdefault(case.tenant, Counter())
        counter["filed"] += 1
        counter[case.stage if case.stage in ("closed", "voided") else "open"] += 1
    for tenant, counts in sorted(counted.items()):
        told = seen.totals.get(tenant, {})
        for name in ("received", "filed", "open", "closed", "voided"):
            if told.get(name, 0) != counts[name]:
                yield f"{tenant}: {name} {told.get(name, 0)}, counted {counts[name]}"


def _double(books: Books, kind: str, example: str) -> None:
    books.duplicate_effects += 1
    _doubt(books, kind, example)


def _doubt(books: Books, kind: str, example: str) -> None:
    examples = books.doubts.setdefault(kind, [])
    if len(examples) < _EXAMPLES:
        examples.append(example)


def _spread(minutes: list[float]) -> dict[str, float]:
    if not minutes:
        return {}
    p90 = quantiles(minutes, n=10)[-1] if len(minutes) > 1 else minutes[0]
    return {"p50": round(median(minutes), 1), "p90": round(p90, 1), "count": len(minutes)}
