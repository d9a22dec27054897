"""Filing: from triaged reports to cases, each offered to whom the rules choose. Decides; writes nothing."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial

from qipan.contracts.events import ReportTriaged
from qipan.ids import derived_id
from qipan.tenancy import Book, Mandate, Matter
from qipan.tenancy.mandate import Concern, Unknown
from qipan.territory.cell import DUTY_LAYER
from qipan.worktime import Calendar, Limit
from services.dispatch import commanding, matching
from services.dispatch.availability import EVERYBODY, Availability
from services.dispatch.change import NO_PARTS, Change, Parts, Stored
from services.dispatch.choosing import Choice, Situation
from services.dispatch.clocks import USUAL, YELLOW_SHARE, Deadlines, Limits
from services.dispatch.commanding import Asked, Desk
from services.dispatch.crewing import crew_filed
from services.dispatch.limiting import limits_of, under
from services.dispatch.policy import USUAL_POLICY, Policy
from services.dispatch.process import STANDARD, Do, Process, file
from services.dispatch.recommending import why_nobody
from services.dispatch.squads import Squad
from services.dispatch.steps import SYSTEM, Brings
from services.dispatch.timing import USUAL_MOST, MostTime

NOTHING_KNOWN: Mapping[str, Availability] = {}

Compute = Callable[[Callable[[], list[Choice]]], list[Choice]]
"""How what takes milliseconds of processor time is carried out: at once, or aside from an event loop."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What dispatch knows of one tenant: its matters, squads, calendar, usual limits, process and policy.

    `yellow`: the share of a limit that is little; `most_time`: what it may grant itself; `escalate_after`: how
    long after a time-out the town's lead is told, then the district.
    `book` holds the mandates under which it commands units, `desks` who answers where it may not.
    """

    matters: Mapping[str, Matter]
    squads: tuple[Squad, ...]
    calendar: Calendar
    usual: Limits = USUAL
    process: Process = STANDARD
    policy: Policy = USUAL_POLICY
    yellow: float = YELLOW_SHARE
    most_time: MostTime = USUAL_MOST
    escalate_after: tuple[Limit, ...] = ()
    book: Book = field(default_factory=Book)
    desks: Mapping[str, Desk] = field(default_factory=dict)

    def deadlines(self, limits: Limits) -> Deadlines:
        """A case's limits, counted in this tenant's calendar."""
        return Deadlines(limits, self.calendar, self.yellow)

    def concern(self, matter: str) -> Concern:
        """What mandates are asked about: the matter, or one that the tenant does not know."""
        return self.matters.get(matter) or Unknown(matter)


@dataclass(frozen=True, slots=True)
class Arriving:
    """One report to file, as its message brought it."""

    tenant: str
    report: ReportTriaged
    message_id: str | None
    traceparent: str | None


@dataclass(frozen=True, slots=True)
class Rules:
    """The two rules that a town may have of its own."""

    choose: Callable[[Situation], Choice | None]
    limits: Callable[[Matter, Limits], Limits]


def case_id_of(tenant: str, report_id: str) -> str:
    """The one case id that belongs to a report, however often it is filed."""
    return derived_id("case", tenant, report_id)


def task_id_of(case_id: str, offer: int) -> str:
    """The task of a case's `offer`-th offer, counted from 1."""
    return f"{case_id}.{offer}"


def file_all(
    arriving: Iterable[Arriving],
    ground: Callable[[str], Ground],
    loads: dict[str, dict[str, int]],
    rules: Rules,
    now: Callable[[str], datetime],
    served_by: str,
    field: Mapping[str, Availability] = NOTHING_KNOWN,
    compute: Compute = lambda work: work(),
) -> list[Change]:
    """The first version of each report's case.

    `loads` is tenant → worker → open cases, and grows with every choice, so that a batch spreads as well
    as the same reports would one by one. `field` has the tenants of whose people something is known. Where a
    town has its batches matched as a whole, `compute` carries out the computation.
    """
    decided = [
        _decide(
            one,
            ground(one.tenant),
            loads.setdefault(one.tenant, {}),
            rules,
            now(one.tenant),
            field.get(one.tenant, EVERYBODY),
        )
        for one in arriving
    ]
    if any(one.choice is not None and one.choice.seats for one in decided):
        decided = _shared_out(decided, loads, compute)
        decided = [_with_crew(one, loads[one.arriving.tenant]) for one in decided]
    return [_file(one, served_by) for one in decided]


@dataclass(frozen=True, slots=True)
class Decided:
    """A report about to be filed: by which limits, to whom it is offered (None: to nobody yet), and why.

    `limits_by` names the rules that changed its limits. `asked` is the department that is to assign a unit, where
    those who see to it may not be commanded. `parts` are who goes along by the town's run card; as long as the
    `situation` is kept nobody has looked for them yet.
    """

    arriving: Arriving
    ground: Ground
    limits: Limits
    choice: Choice | None
    detail: dict[str, str]
    now: datetime
    asked: Asked | None = None
    limits_by: str = ""
    parts: Parts = NO_PARTS
    situation: Situation | None = None


def _decide(
    one: Arriving,
    ground: Ground,
    loads: dict[str, int],
    rules: Rules,
    now: datetime,
    field: Availability,
) -> Decided:
    report, policy = one.report, ground.policy
    matter = ground.matters.get(report.matter or "")
    if matter is None:
        why = f"{report.matter} is no matter of this town: a dispatcher decides"
        return Decided(one, ground, ground.usual, None, {"why": why}, now)
    limits, by = limits_of(matter, ground.usual), ""
    if policy.rules.limits:
        here = Situation(one.tenant, report, matter, ground.squads, loads, now, policy, field).circumstances
        limits, by = under(policy.rules.limits, here, limits)
    chosen = _choose(one, ground, loads, rules, now, field, matter, rules.limits(matter, limits))
    return replace(chosen, limits_by=by) if by else chosen


def _choose(
    one: Arriving,
    ground: Ground,
    loads: dict[str, int],
    rules: Rules,
    now: datetime,
    field: Availability,
    matter: Matter,
    limits: Limits,
) -> Decided:
    report, policy = one.report, ground.policy
    book, cell = ground.book, report.place.cells.get(DUTY_LAYER)
    able = commanding.commanded(ground.squads, book, matter, cell, now)
    situation = Situation(one.tenant, report, matter, able, loads, now, policy, field)
    choice = rules.choose(situation)
    asked = None
    if choice is None and able is not ground.squads:
        asked = commanding.asked(ground.squads, able, book, ground.desks, matter, cell, now)
    elif choice is not None and not book.commands(choice.unit.department, matter, cell, now):
        asked = commanding.ask(choice.unit, book, ground.desks, matter, cell, now)
    if asked is not None:
        return Decided(one, ground, limits, None, asked.detail(), now, asked)
    if choice is None:
        return Decided(one, ground, limits, None, {"why": why_nobody(situation)}, now)
    if not policy.automatic:
        first = choice.worker or choice.unit.id
        why = f"a dispatcher decides; recommended is {first}: {'; '.join(choice.reasons)}"
        return Decided(one, ground, limits, None, {"why": why, "recommended": first}, now)
    detail = {"why": "; ".join(choice.reasons), "unit": choice.unit.id}
    if choice.worker is not None:
        detail["worker"] = choice.worker
        loads[choice.worker] = loads.get(choice.worker, 0) + 1
    offered = Decided(one, ground, limits, choice, detail, now)
    if not policy.cards_about(matter.code):
        return offered
    offered = replace(offered, situation=situation)
    # What is matched as a whole has its leads only then, and they come first.
    return offered if choice.seats else _with_crew(offered, loads)


def _with_crew(decided: Decided, loads: dict[str, int]) -> Decided:
    """The same with who goes along with the lead; `loads` follow."""
    situation, choice, ground = decided.situation, decided.choice, decided.ground
    if situation is None or choice is None:
        return decided
    parts = crew_filed(situation, choice, ground.squads, ground.book)
    for worker in (part.worker for part in parts.asked if part.worker is not None):
        loads[worker] = loads.get(worker, 0) + 1
    return replace(decided, parts=parts, situation=None)


def _shared_out(decided: list[Decided], loads: dict[str, dict[str, int]], compute: Compute) -> list[Decided]:
    """The same with the workers of each tenant's batch matched as a whole; `loads` follow."""
    matching.load()
    result = list(decided)
    by_tenant: dict[str, list[int]] = {}
    for index, one in enumerate(decided):
        if one.choice is not None and one.choice.seats and one.choice.worker is not None:
            by_tenant.setdefault(one.arriving.tenant, []).append(index)
    for tenant, indexes in by_tenant.items():
        choices = [choice for index in indexes if (choice := decided[index].choice) is not None]
        has = loads[tenant]
        for choice in choices:
            has[choice.worker or ""] -= 1
        before, minutes = dict(has), decided[indexes[0]].ground.policy.load_minutes
        matched = compute(partial(matching.rematched, choices, before, minutes))
        for index, choice in zip(indexes, matched, strict=True):
            worker = choice.worker or ""
            has[worker] = has.get(worker, 0) + 1
            detail = {"why": "; ".join(choice.reasons), "unit": choice.unit.id, "worker": worker}
            result[index] = replace(decided[index], choice=choice, detail=detail)
    return result


def _file(decided: Decided, served_by: str) -> Change:
    one, choice, limits = decided.arriving, decided.choice, decided.limits
    case_id = case_id_of(one.tenant, one.report.report_id)
    detail, offer, held_by = decided.detail, None, None
    if choice is not None:
        mandate = _mandate(decided, choice)
        if mandate is not None:
            detail = {**detail, "why": f"{detail['why']}; under {mandate.words()}"}
        held_by = choice.unit.tenant
        offer = Brings(
            department=choice.unit.department,
            unit=choice.unit.id,
            worker=choice.worker,
            task_id=task_id_of(case_id, 1),
            mandate=mandate.id if mandate else None,
        )
    elif decided.asked is not None:
        offer, held_by = decided.asked.brings(), decided.asked.desk.tenant
        detail = {**detail, **decided.asked.desk.waits(case_id)}
    elif (person := decided.ground.policy.waits_for(case_id)) is not None:
        detail = {**detail, "waits_for": person}
    if decided.limits_by:
        detail = {**detail, "limits": decided.limits_by}
    deadlines = decided.ground.deadlines(limits)
    case = file(one.report, one.tenant, case_id, decided.now, deadlines, offer, served_by)
    if choice is None:
        case = case.model_copy(update={"reason": detail["why"]})
    return Change(
        before=None,
        after=Stored(case, limits, held_by),
        row=STANDARD.steps[Do.FILE],
        who=SYSTEM.id,
        at=decided.now,
        message_id=one.message_id,
        traceparent=one.traceparent,
        detail=detail,
        parts=decided.parts,
    )


def _mandate(decided: Decided, choice: Choice) -> Mandate | None:
    """The mandate under which the unit is sent; None: its own department commands it."""
    department, report = choice.unit.department, decided.arriving.report
    book, matter = decided.ground.book, decided.ground.concern(report.matter or "")
    if department in book.own:
        return None
    return book.given(department, matter, report.place.cells.get(DUTY_LAYER), decided.now)
