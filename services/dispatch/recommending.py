"""A recommendation: whom to ask, in order, and for everybody passed over the rule that did it.

It says what `choose` says, and why; filing does not need it, people do.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from services.dispatch.choosing import DISTRICTS_RULE, Choice, Situation, Tier, choose, ranked, tiers
from services.dispatch.squads import Seat, Squad

SHOWN = 20
"""Candidates told at most."""

OWN_RULE = "town"
"""What passed over whom a town's own dispatch would not ask."""


@dataclass(frozen=True, slots=True)
class PassedOver:
    """A unit, or a worker of the unit asked, that was not taken: by which rule, and in words.

    Rules: `mandate`, `declined`, `matter`, `area`, `named`, `skill`, `available`, `roster`, `load`, `cell`,
    `travel-and-load`, `rule <id>` of the town's, `town` for a town's own dispatch.
    """

    unit: str
    worker: str | None
    rule: str
    why: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody who can be asked, and by what rule."""

    seat: Seat
    rule: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Recommendation:
    """The best first. Without candidates nobody can be asked, and `why` says it."""

    candidates: tuple[Candidate, ...]
    passed_over: tuple[PassedOver, ...]
    why: str

    @property
    def first(self) -> Candidate | None:
        """Who should be asked."""
        return self.candidates[0] if self.candidates else None


def recommend(situation: Situation, chosen: Choice | None) -> Recommendation:
    """The recommendation; `chosen` is the answer of the town's own `choose`, which goes first."""
    order = list(tiers(situation))
    ours = choose(situation)
    owned = chosen is not None and (
        ours is None or (chosen.unit.id, chosen.worker) != (ours.unit.id, ours.worker)
    )
    candidates = list(_candidates(situation, order))
    if chosen is not None:
        same = [c for c in candidates if (c.seat.unit.id, c.seat.worker) == (chosen.unit.id, chosen.worker)]
        seat = same[0].seat if same else Seat(chosen.unit, chosen.worker)
        first = Candidate(seat, OWN_RULE if owned else chosen.rule, chosen.reasons)
        candidates = [first, *(c for c in candidates if c not in same)]
    else:
        candidates = []
    passed = tuple(_passed_over(situation, order, chosen, owned))
    why = "; ".join(candidates[0].reasons) if candidates else _nobody(situation, passed)
    return Recommendation(tuple(candidates[:SHOWN]), passed, why)


def why_nobody(situation: Situation) -> str:
    """Why nobody can be asked, for the history of a case that waits for a dispatcher."""
    return _nobody(situation, tuple(_passed_over(situation, list(tiers(situation)), None, owned=False)))


def _nobody(situation: Situation, passed: tuple[PassedOver, ...]) -> str:
    able = [one.why for one in passed if one.rule not in ("matter", "area")]
    if able:
        return f"nobody can be asked: {'; '.join(able)}: a dispatcher decides"
    return "no unit here handles it: a dispatcher decides"


def _candidates(situation: Situation, order: list[Tier]) -> Iterator[Candidate]:
    told: set[tuple[str, str | None]] = set()
    for tier in order:
        for seat in ranked(tier.seats(situation), situation.policy):
            if (seat.unit.id, seat.worker) not in told:
                told.add((seat.unit.id, seat.worker))
                yield Candidate(seat, tier.rule, (tier.why(seat.unit, situation), seat.reason))


def _passed_over(
    situation: Situation, order: list[Tier], chosen: Choice | None, owned: bool
) -> Iterator[PassedOver]:
    winner = next((tier for tier in order if tier.choice(situation) is not None), None)
    for squad in situation.squads:
        if chosen is None or squad.unit.id != chosen.unit.id:
            rule, why = _unit_passed(squad, situation, order, winner, chosen, owned)
            yield PassedOver(squad.unit.id, None, rule, why)
        else:
            asking = next((tier for tier in order if squad in tier.squads), None) or Tier(
                chosen.rule, (squad,), situation.matter.skills, situation.policy.most_each
            )
            yield from _workers_passed(squad, asking, situation, chosen, owned)
    for unit, why in situation.withheld.items():
        yield PassedOver(unit, None, "mandate", why)


def _unit_passed(
    squad: Squad,
    situation: Situation,
    order: list[Tier],
    winner: Tier | None,
    chosen: Choice | None,
    owned: bool,
) -> tuple[str, str]:
    unit, matter = squad.unit, situation.matter
    if unit.id in situation.declined:
        return "declined", f"{unit.id} gave the case back"
    own = [tier for tier in order if squad in tier.squads]
    if not own and not unit.handles(matter):
        return "matter", f"{unit.id} does not see to {matter.code}"
    if not own:
        return "area", f"{unit.id} does not serve {situation.duty_cell}"
    able = next((tier for tier in own if any(tier.able(squad, situation)) or not squad.workers), None)
    if able is None:
        against = [own[0].objection(squad, id, situation) for id, _ in squad.workers]
        named = [objection for objection in against if objection is not None]
        return named[0][0], "; ".join(why for _, why in named)
    if chosen is None or winner is None:
        return OWN_RULE, "the town's own dispatch leaves it to a person"
    if owned:
        return OWN_RULE, f"the town's own dispatch asks {chosen.unit.id}"
    if able is winner:
        return "travel-and-load", f"{chosen.worker or chosen.unit.id} is nearer or has less to do"
    if winner.rule != DISTRICTS_RULE:
        return winner.rule, f"{winner.reason} asks {chosen.unit.id} first"
    if chosen.unit.matters and not unit.matters:
        return "named", f"{chosen.unit.id} is there for {matter.code} especially"
    return "area", f"{chosen.unit.id} serves a smaller area"


def _workers_passed(
    squad: Squad, tier: Tier, situation: Situation, chosen: Choice, owned: bool
) -> Iterator[PassedOver]:
    able = list(tier.able(squad, situation))
    local = {id for id, cells in squad.workers if situation.duty_cell in cells and id in able}
    for id, _ in squad.workers:
        if id == chosen.worker:
            continue
        objection = tier.objection(squad, id, situation)
        if objection is not None:
            rule, why = objection
        elif owned:
            rule, why = OWN_RULE, "the town's own dispatch asks another"
        elif local and id not in local:
            rule, why = "cell", f"{chosen.worker} answers for the cell"
        else:
            rule, why = "travel-and-load", f"{chosen.worker} is nearer or has less to do"
        yield PassedOver(squad.unit.id, id, rule, why)
