"""The desk at which reports are looked at: what each is about and where it lies, by its town's words."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from qipan.access import Grant
from qipan.contracts.case import Place
from qipan.contracts.events import Outcome, ReportReceived
from qipan.contracts.level import Level
from qipan.contracts.responsible import Responsible
from qipan.tenancy import District, base_of
from services.intake.accept_clock import AcceptClock, chosen
from services.intake.classify import Classification
from services.intake.duplicates import Alike, OpenReports, Said
from services.intake.feed import Readers
from services.intake.model import Guess, Model
from services.intake.suggestion import BY_REPORTER, Suggestion, combined, may_change
from services.intake.town_book import TownBook
from services.intake.town_policy import TownPolicy
from services.intake.triage import LIKELY_DUPLICATE, Decision, Finding, decide
from services.intake.verification import NO_GRID_WORKER, cell_of
from services.intake.whereabouts import address_of, located_at


@dataclass(frozen=True, slots=True)
class Examined:
    """A report with what the desk found out about it.

    `reported` is the place that it says; `place` is another where triage takes it to mean a component nearby.
    `responsible`: whose it is, where it is out of scope. `to_verify`: a grid worker is to look before it is filed.
    """

    tenant: str
    report: ReportReceived
    found: Classification
    out_of_scope: bool
    self_disposable: bool
    place: Place
    reported: Place
    suggestion: Suggestion | None = None
    responsible: Responsible | None = None
    to_verify: bool = False

    @property
    def metres_off(self) -> float:
        """How far from the thing itself its place may be."""
        return 0.0 if self.reported.located is None else self.reported.located.metres

    @property
    def said(self) -> Said | None:
        """What it said, to be compared with others; None while nobody knows what it is about."""
        if self.found.matter is None:
            return None
        r = self.report
        return Said(r.report_id, self.tenant, self.found.matter, r.lon, r.lat, r.text, r.received_at)


@dataclass(frozen=True, slots=True)
class Triaged:
    """An examined report and what was decided about it; `duplicates`: what it was joined to, or may be the same as."""

    examined: Examined
    decision: Decision
    merged_into: str | None
    duplicates: tuple[Alike, ...] = ()

    @property
    def responsible(self) -> Responsible | None:
        """Whose a declined one is, where the town's words say so."""
        return self.examined.responsible if self.decision.outcome is Outcome.DECLINE else None


class Suggests(Protocol):
    """Where the desk finds tenants' models (`services.intake.model_files.Models`)."""

    def of(self, tenant: str) -> Model | None:
        """The tenant's model, if it has one."""
        ...


Aside = Callable[[Callable[[], list[Guess | None]]], list[Guess | None]]
"""Runs a computation where it does not hold up the process's loop, and returns what it found."""


class Desk:
    """Examines and decides by the packs of a district; remembers the towns' books.

    `aside` is where models are asked: a process that serves calls on one loop gives a thread.
    """

    def __init__(
        self, district: District, models: Suggests | None = None, aside: Aside = lambda compute: compute()
    ) -> None:
        self.readers = Readers.of(district)
        self._ground = district.territory
        self._district = district
        self._models = models
        self._aside = aside
        self._books: dict[str, TownBook] = {}

    def policy(self, tenant: str) -> TownPolicy:
        """How this tenant triages."""
        return self._book(tenant).policy

    def examine_all(self, reports: Sequence[tuple[str, ReportReceived]]) -> list[Examined]:
        """Where each lies, what it is about (the matter given, if the town knows it), and in whose remit."""
        looked = [self._look(tenant, report) for tenant, report in reports]
        doubtful = [one for one in looked if one.model is not None]
        guesses: list[Guess | None] = []
        if doubtful:
            guesses = self._aside(lambda: [one.guess() for one in doubtful])
        asked = iter(guesses)
        return [self._examined(one, next(asked) if one.model is not None else None) for one in looked]

    def _look(self, tenant: str, report: ReportReceived) -> "_Look":
        """What can be said without a model, and the model if there is reason to ask it."""
        book = self._book(tenant)
        given = book.given(report)
        words = given or book.vocabulary.classify(report.text)
        out_of_scope = given is None and book.is_out_of_scope(report, words)
        model = None
        if given is None and not out_of_scope and book.policy.model and self._models is not None:
            model = self._models.of(tenant) if may_change(words, book.policy.word_trust) else None
        return _Look(tenant, report, book, words, given is not None, out_of_scope, model)

    def _examined(self, look: "_Look", guess: Guess | None) -> Examined:
        tenant, report, book = look.tenant, look.report, look.book
        found, suggestion = look.words, None
        if not look.given:
            found, suggestion = combined(
                found,
                guess,
                least_confidence=book.policy.least_confidence,
                word_trust=book.policy.word_trust,
            )
        elif found.matter is not None:
            suggestion = Suggestion(found.matter, 1.0, BY_REPORTER)
        if report.level is Level.URGENT and found.matter is not None:
            found = replace(found, emergency=True)
        matter = None if found.matter is None else book.matters[found.matter]
        reported = self._place(report)
        return Examined(
            tenant=tenant,
            report=report,
            found=found,
            out_of_scope=look.out_of_scope,
            self_disposable=matter is not None and matter.self_disposable and book.policy.self_disposal,
            place=self._at_component(tenant, report, found.matter) or reported,
            reported=reported,
            suggestion=suggestion,
            responsible=book.owner_of(report) if look.out_of_scope else None,
            to_verify=book.is_to_verify(report, matter),
        )

    def _place(self, report: ReportReceived) -> Place:
        return Place(
            lon=report.lon,
            lat=report.lat,
            cells=self._cells(report.lon, report.lat, report.received_at),
            address=address_of(report.address),
            located=report.located,
            component=report.component,
        )

    def _at_component(self, tenant: str, report: ReportReceived, matter: str | None) -> Place | None:
        """The place of the component that the report must mean, when it names none and gives coordinates."""
        if matter is None or report.component is not None or report.located is not None:
            return None
        within = self.policy(tenant).component_metres
        here = (report.lon, report.lat)
        near = self._district.components.nearest(base_of(tenant), matter, here, within)
        if near is None:
            return None
        component = near.component
        return Place(
            lon=component.lon,
            lat=component.lat,
            cells=self._cells(component.lon, component.lat, report.received_at),
            address=address_of(report.address),
            located=located_at(component, near.confidence, near.metres),
            component=component.id,
        )

    def _cells(self, lon: float, lat: float, at: datetime) -> dict[str, str]:
        location = self._ground.locate(lon, lat, at)
        return {} if location is None else dict(location.cells)

    def decide_all(self, examined: Iterable[Examined], open_reports: OpenReports) -> list[Triaged]:
        """Decide about a batch, emergencies first; what is filed on the way is an original for what follows.

        `open_reports` holds the open originals near any of them.
        """
        triaged = []
        for one in sorted(examined, key=lambda one: not one.found.emergency):
            said = one.said
            policy = self.policy(one.tenant)
            alike: list[Alike] = []
            # Reports of one large place all have its point: that they coincide says nothing.
            if said is not None and policy.merges and one.metres_off <= policy.closeness.metres:
                alike = open_reports.alike(said, policy.closeness)
            same = next((near for near in alike if near.likeness >= policy.closeness.likeness), None)
            decision = decide(
                Finding(
                    matter=one.found.matter,
                    confidence=one.found.confidence,
                    least_confidence=policy.least_confidence,
                    emergency=one.found.emergency,
                    out_of_scope=one.out_of_scope,
                    urgent=policy.accept.is_urgent(one.report.level, one.report.text),
                    place_uncertain=0 < policy.place_metres < one.metres_off,
                    duplicate_of=None if same is None else same.said.report_id,
                    likely_duplicate=bool(alike),
                    to_verify=one.to_verify,
                    grid_worker=self.is_walked(one.tenant, one.place.cells),
                    self_disposed=one.report.self_disposed,
                    self_disposable=one.self_disposable,
                )
            )
            if decision.outcome in (Outcome.FILE, Outcome.VERIFY) and said is not None:
                open_reports.add(said)
            merged = same.said.report_id if decision.outcome is Outcome.MERGE and same is not None else None
            proposed = alike if decision.reason == LIKELY_DUPLICATE else [same] if same and merged else []
            triaged.append(Triaged(one, decision, merged, tuple(proposed)))
        return triaged

    def held_until(self, triaged: Triaged, now: datetime) -> datetime | None:
        """When a held report is filed without a person (domain time); None: it waits for one."""
        hold_for = self.policy(triaged.examined.tenant).hold_for
        if triaged.decision.outcome is not Outcome.HOLD or triaged.examined.found.matter is None:
            return None
        if triaged.decision.reason == NO_GRID_WORKER:
            return None
        return None if hold_for is None else now + hold_for

    def accept_clock(
        self, tenant: str, report_id: str, level: Level | str | None, text: str, held_at: datetime
    ) -> AcceptClock:
        """Until when a report held since `held_at` (domain time) may wait for an acceptor, and for whom it does."""
        book = self._book(tenant)
        urgent = book.policy.accept.is_urgent(level, text)
        due_at = self._district.deadline(tenant, held_at, book.policy.accept.limit_of(urgent))
        return AcceptClock(urgent, due_at, chosen(report_id, book.acceptors))

    def require_decider(self, grant: Grant) -> None:
        """Forbidden for somebody of the district while the town has people of its own who decide about reports."""
        grant.require_need(needed=not grant.from_above or grant.sub in self._book(grant.tenant).acceptors)

    def is_walked(self, tenant: str, cells: Mapping[str, str]) -> bool:
        """Whether some grid worker answers for the duty cell among these."""
        return cell_of(cells) in self._book(tenant).walked

    def verify_until(self, tenant: str, now: datetime) -> datetime:
        """When a verification that begins now is due (domain time)."""
        return self._district.deadline(tenant, now, self.policy(tenant).verify_limit)

    def _book(self, tenant: str) -> TownBook:
        book = self._books.get(tenant)
        if book is None:
            book = self._books[tenant] = TownBook.of(self._district, tenant)
        return book


@dataclass(frozen=True, slots=True)
class _Look:
    """A report at first sight; `model` is there only when it is to be asked."""

    tenant: str
    report: ReportReceived
    book: TownBook
    words: Classification
    given: bool
    out_of_scope: bool
    model: Model | None

    def guess(self) -> Guess | None:
        """What the model thinks, among the matters that the town knows."""
        return None if self.model is None else self.model.guess(self.report.text, self.book.matters.keys())
