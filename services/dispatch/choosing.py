"""Choosing who is asked: by the town's rules, else the matter's department; then the nearest and least busy."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from dataclasses import field as field_
from datetime import datetime

from qipan.contracts.events import ReportTriaged
from qipan.tenancy import Matter, Unit
from qipan.tenancy.condition import Circumstances
from qipan.tenancy.dispatch_rules import CrewLine, Rule, RunCard
from qipan.territory.cell import DUTY_LAYER
from qipan.territory.coordinates import Point
from services.dispatch.availability import EVERYBODY, Availability
from services.dispatch.policy import USUAL_POLICY, Policy
from services.dispatch.squads import Seat
from services.dispatch.squads import Squad as Squad
from services.dispatch.squads import squads_of as squads_of

DISTRICTS_RULE = "district"
"""By what a unit was chosen that no rule of the town's asked."""

SQUAD = "squad"
"""By what a unit was chosen that somebody named."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Who is asked, and why (kept in the case's history). `worker` None asks the whole unit.

    `rule` is what the unit was chosen by; `seats`, kept only where a town matches whole batches, are all who
    might as well have been asked.
    """

    unit: Unit
    worker: str | None
    reasons: tuple[str, ...]
    rule: str = ""
    seats: tuple[Seat, ...] = ()


@dataclass(frozen=True, slots=True)
class Situation:
    """All that a choice may depend on: nothing else is known, and choosing changes nothing.

    `squads` are those that work in the town; `loads` the number of cases on each worker's list. `now` is
    domain time. `declined` are units that are not to be asked (again); `withheld` those that may not be
    commanded, each with the reason.
    """

    tenant: str
    report: ReportTriaged
    matter: Matter
    squads: tuple[Squad, ...]
    loads: Mapping[str, int]
    now: datetime
    policy: Policy = USUAL_POLICY
    field: Availability = EVERYBODY
    declined: frozenset[str] = frozenset()
    withheld: Mapping[str, str] = field_(default_factory=dict)

    @property
    def duty_cell(self) -> str | None:
        """The duty grid cell that the place lies in."""
        return self.report.place.cells.get(DUTY_LAYER)

    @property
    def place(self) -> Point:
        """Where it is."""
        return self.report.place.lon, self.report.place.lat

    @property
    def circumstances(self) -> Circumstances:
        """What the conditions of the town's rules are compared with."""
        return Circumstances(
            matter=self.matter.code,
            severity=self.matter.severity.value,
            cells=self.report.place.cells,
            channel=self.report.channel,
            local=self.now.astimezone(self.policy.zone).time(),
            mode=self.field.mode,
        )

    def squad(self, unit_id: str) -> Squad | None:
        """The squad with this id; None when the town has no such unit."""
        return next((squad for squad in self.squads if squad.unit.id == unit_id), None)

    def ask(self, squad: Squad, reason: str) -> Choice:
        """The choice of this squad, for this reason, and of its worker who is best asked.

        Where it has people but none who can come, the whole unit is asked.
        """
        tier = Tier(SQUAD, (squad,), self.matter.skills, self.policy.most_each, reason)
        found = tier.choice(self)
        return found or Choice(squad.unit, None, (reason, "none of its people can be asked in person"), SQUAD)


@dataclass(frozen=True, slots=True)
class Tier:
    """Units of equal standing: whoever of them is best asked is asked before those of the next tier.

    Their workers need all of `skills` and fewer than `most_each` open cases (0: any number).
    """

    rule: str
    squads: tuple[Squad, ...]
    skills: frozenset[str]
    most_each: int
    reason: str = ""

    def choice(self, situation: Situation) -> Choice | None:
        """Its choice; None when nobody of it can be asked."""
        seats: list[Seat] = []
        if situation.policy.together:
            seats = ranked(self.seats(situation), situation.policy)
            seat = seats[0] if seats else None
        else:
            seat = self._best(situation)
        if seat is None:
            return None
        return Choice(
            seat.unit, seat.worker, (self.why(seat.unit, situation), seat.reason), self.rule, tuple(seats)
        )

    def seats(self, situation: Situation) -> Iterator[Seat]:
        """All of it who can be asked, in no order; the cell's own workers keep others of their unit out."""
        manned = False
        for squad in self.squads:
            able = list(self.able(squad, situation))
            manned = manned or bool(able)
            local = [id for id in able if _answers_for(squad, id, situation.duty_cell)]
            for id in local or able:
                has, away = situation.loads.get(id, 0), minutes(squad, id, situation)
                yield Seat(squad.unit, id, has, away, bool(local), self.most_each)
        if not manned:
            yield from (Seat(squad.unit, None) for squad in self.squads if not squad.workers)

    def able(self, squad: Squad, situation: Situation) -> Iterable[str]:
        """The workers of one of its squads who can be asked."""
        if not self.skills and not self.most_each and not situation.field.workers:
            return [id for id, _ in squad.workers]
        return [id for id, _ in squad.workers if self.objection(squad, id, situation) is None]

    def objection(self, squad: Squad, worker: str, situation: Situation) -> tuple[str, str] | None:
        """What is against asking a worker: the rule and in words; None when nothing is."""
        if lacking := squad.lacks(worker, self.skills):
            return "skill", f"{worker} lacks {', '.join(sorted(lacking))}"
        presence = situation.field.workers.get(worker)
        if presence is not None and not presence.available:
            return presence.rule, f"{worker} is not there: {presence.why or 'not available'}"
        has = situation.loads.get(worker, 0)
        if self.most_each and has >= self.most_each:
            return "load", f"{worker} has {has} open, {self.most_each} are the most"
        return None

    def _best(self, situation: Situation) -> Seat | None:
        if len(self.squads) == 1 and self.squads[0].unit.base is None and not situation.field.workers:
            return self._least_busy(self.squads[0], situation)
        return next(iter(ranked(self.seats(situation), situation.policy)), None)

    def _least_busy(self, squad: Squad, situation: Situation) -> Seat | None:
        # Where nobody's place is known, which is what filing mostly meets, no seats need be made to compare.
        able = self.able(squad, situation)
        if not able:
            return None if squad.workers else Seat(squad.unit, None)
        cell, loads = situation.duty_cell, situation.loads
        local = [id for id, cells in squad.workers if cell in cells and id in able]
        worker = min(local or able, key=lambda id: (loads.get(id, 0), id))
        return Seat(squad.unit, worker, loads.get(worker, 0), None, bool(local))

    def why(self, unit: Unit, situation: Situation) -> str:
        """Why a unit of it is asked at all."""
        return self.reason or f"{unit.id} sees to {situation.matter.code} ({unit.department}) here"


def ranked(seats: Iterable[Seat], policy: Policy) -> list[Seat]:
    """Seats, the best asked first: by travel and load in minutes, then load, then id.

    Whoever's place is not known counts as far away as the farthest whose place is.
    """
    seats = list(seats)
    farthest = max((seat.minutes for seat in seats if seat.minutes is not None), default=0.0)

    def cost(seat: Seat) -> tuple[float, int, str]:
        away = farthest if seat.minutes is None else seat.minutes
        return away + policy.load_minutes * seat.open, seat.open, seat.worker or seat.unit.id

    return sorted(seats, key=cost)


def minutes(squad: Squad, worker: str, situation: Situation) -> float | None:
    """How long a worker would travel, from the last place known or the unit's base; None where neither is."""
    presence = situation.field.workers.get(worker)
    start = presence.at if presence is not None and presence.at is not None else squad.unit.base
    return None if start is None else situation.policy.travel.minutes(start, situation.place)


def tiers(situation: Situation) -> Iterator[Tier]:
    """Who is asked, in which order: the town's rules that hold, by priority; its run card's lead; the district's rule.

    The district's: of the units that handle the matter at the place those that name it come before their
    department's general ones, then those with the smaller area.
    """
    matter, cell, policy = situation.matter, situation.duty_cell, situation.policy
    open_to = [s for s in situation.squads if s.unit.id not in situation.declined]
    rules = policy.about(matter.code)
    if rules:
        now = situation.circumstances
        for rule in rules:
            if rule.when.holds(now):
                asked = tuple(s for s in open_to if means(rule.unit, rule.department, s.unit, cell))
                skills, most = matter.skills | rule.skills, rule.most_each or policy.most_each
                yield Tier(rule_name(rule), asked, skills, most, f"the town's rule “{rule.id}” ({rule.when})")
    if (card := card_for(situation)) is not None:
        yield card_tier(situation, card, card.crew[0])
    standing: dict[tuple[bool, int], list[Squad]] = {}
    for squad in open_to:
        if squad.unit.handles(matter) and squad.unit.serves(cell):
            standing.setdefault(standing_of(squad.unit), []).append(squad)
    for key in sorted(standing):
        yield Tier(DISTRICTS_RULE, tuple(standing[key]), matter.skills, policy.most_each)


def rule_name(rule: Rule) -> str:
    """How a rule of the town's is told apart from the district's."""
    return f"rule {rule.id}"


def standing_of(unit: Unit) -> tuple[bool, int]:
    """What comes first among the units that handle a matter at a place: the smaller."""
    return unit.precedence


def choose(situation: Situation) -> Choice | None:
    """Who is asked by the town's rules and the district's; None when nobody can be: a person decides."""
    for tier in tiers(situation):
        if (found := tier.choice(situation)) is not None:
            return found
    return None


def card_for(situation: Situation) -> RunCard | None:
    """The town's run card that holds; None when none does."""
    cards = situation.policy.cards_about(situation.matter.code)
    if not cards:
        return None
    now = situation.circumstances
    return next((card for card in cards if card.when.holds(now)), None)


def card_tier(situation: Situation, card: RunCard, line: CrewLine) -> Tier:
    """Who can be asked by a line of a run card."""
    squads = tuple(
        squad
        for squad in situation.squads
        if squad.unit.id not in situation.declined
        and means(line.unit, line.department, squad.unit, situation.duty_cell)
    )
    skills = situation.matter.skills | line.skills if line.lead else line.skills
    reason = f"the town's run card “{card.id}” ({card.when})"
    return Tier(f"card {card.id}", squads, skills, situation.policy.most_each, reason)


def means(named: str | None, department: str | None, unit: Unit, cell: str | None) -> bool:
    """A unit that a rule names is asked beyond its own area too; a department's only within theirs."""
    if named is not None:
        return unit.id == named
    return unit.department == department and unit.serves(cell)


def _answers_for(squad: Squad, worker: str, cell: str | None) -> bool:
    return any(id == worker and cell in cells for id, cells in squad.workers)
