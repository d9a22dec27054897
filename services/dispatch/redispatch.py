"""派遣 by hand: a dispatcher follows the recommendation or overrides it, checked against who there is."""

from dataclasses import dataclass, replace
from datetime import datetime

from qipan.contracts.case import CaseState
from qipan.contracts.commands import DispatchCase
from qipan.contracts.errors import Conflict, Fault, Invalid
from qipan.tenancy import base_of
from qipan.territory.cell import DUTY_LAYER
from services.dispatch.choosing import Choice, Situation, Squad
from services.dispatch.commanding import Asked, Sent, ask, sent, waits_for
from services.dispatch.filing import Ground
from services.dispatch.recommending import Recommendation

SHOWN = 20
BY_HAND = "chosen by a dispatcher"


@dataclass(frozen=True, slots=True)
class Decision:
    """What a dispatcher decided: whom to ask, and what the history says of it."""

    choice: Choice
    overrides: bool
    detail: dict[str, str]


def decided(
    asked: DispatchCase, ground: Ground, situation: Situation, recommended: Recommendation
) -> Decision:
    """Whom a dispatcher asks: the unit and worker named, the unit's best, or without a unit who is recommended.

    Invalid when there is no such unit or worker here, or nobody to recommend. Whoever else than recommended is
    asked was passed over by a rule: the history names it.
    """
    first = recommended.first
    if asked.unit is None:
        if first is None:
            raise _unknown("unit", recommended.why, [s.unit.id for s in ground.squads])
        if asked.worker is not None:
            raise _unknown("worker", "a worker is named with the unit", [first.seat.unit.id])
        choice = Choice(first.seat.unit, first.seat.worker, ("as recommended", *first.reasons), first.rule)
    else:
        choice = _named(asked.unit, asked.worker, ground, situation, recommended)
    detail = {"unit": choice.unit.id, "worker": choice.worker or "", "why": "; ".join(choice.reasons)}
    if asked.reason:
        detail["reason"] = asked.reason
    if first is None:
        return Decision(choice, overrides=False, detail=detail)
    overrides = (choice.unit.id, choice.worker) != (first.seat.unit.id, first.seat.worker)
    detail["recommended"] = first.seat.worker or first.seat.unit.id
    detail["followed"] = "no" if overrides else "yes"
    if overrides and (passed := _passed(choice, recommended)):
        detail["passed_over"] = passed
    return Decision(choice, overrides, detail)


def supporting(unit: str, worker: str | None, ground: Ground, situation: Situation) -> Choice:
    """Who is asked to support (协办): the unit and worker named, or the unit's best; Invalid as in `decided`."""
    return _named(unit, worker, ground, situation, Recommendation(candidates=(), passed_over=(), why=""))


def _named(
    unit: str, worker: str | None, ground: Ground, situation: Situation, recommended: Recommendation
) -> Choice:
    squad = next((squad for squad in ground.squads if squad.unit.id == unit), None)
    if squad is None:
        raise _unknown("unit", f"{unit!r} is no unit of this town", [s.unit.id for s in ground.squads])
    if worker is None:
        return _best_of(squad, situation, recommended)
    people = [id for id, _ in squad.workers]
    if worker not in people:
        raise _unknown("worker", f"{worker!r} is nobody of {unit}", people)
    return Choice(squad.unit, worker, (BY_HAND,))


def _best_of(squad: Squad, situation: Situation, recommended: Recommendation) -> Choice:
    first = recommended.first
    if first is not None and first.seat.unit.id == squad.unit.id:
        return Choice(squad.unit, first.seat.worker, (BY_HAND, *first.reasons), first.rule)
    return situation.ask(squad, BY_HAND)


def _passed(choice: Choice, recommended: Recommendation) -> str:
    """By what the one asked was passed over, as the rule and in words."""
    ours = [one for one in recommended.passed_over if one.unit == choice.unit.id]
    one = next((one for one in ours if one.worker == choice.worker), next(iter(ours), None))
    return f"{one.rule}: {one.why}" if one else ""


def within_reach(situation: Situation, home: str, ground: Ground) -> Situation:
    """The situation with the squads that somebody of the tenant `home` may send; why not the others."""
    withheld = {
        squad.unit.id: why
        for squad in situation.squads
        if (why := _why_not(squad, situation, home, ground)) is not None
    }
    if not withheld:
        return situation
    squads = tuple(squad for squad in situation.squads if squad.unit.id not in withheld)
    return replace(situation, squads=squads, withheld=withheld)


def _why_not(squad: Squad, situation: Situation, home: str, ground: Ground) -> str | None:
    department, matter, now = squad.unit.department, situation.matter, situation.now
    if ground.desks[department].tenant == home:
        return None
    if base_of(home) in ground.desks:
        return f"{squad.unit.id} is no unit of {home}"
    if ground.book.commands(department, matter, situation.duty_cell, now):
        return None
    return ground.book.why_not(department, matter, situation.duty_cell, now)


def sent_by_hand(case: CaseState, choice: Choice, home: str, ground: Ground, now: datetime) -> Sent | Asked:
    """By what right somebody of the tenant `home` sends the chosen unit, or the department that is asked instead.

    A department's dispatchers (the district's for one without people of its own) assign its own units and no
    others: Invalid. Conflict when the department has been asked already.
    """
    unit, cell = choice.unit, case.place.cells.get(DUTY_LAYER)
    desk = ground.desks[unit.department]
    if desk.tenant == home:
        return Sent(None, (*choice.reasons, f"assigned for {unit.department}"))
    if base_of(home) in ground.desks:
        own = [s.unit.id for s in ground.squads if s.unit.department == base_of(home)]
        raise _unknown("unit", f"{unit.id!r} is no unit of {home}", own)
    matter = ground.concern(case.matter)
    allowed = sent(choice, ground.book, matter, cell, now)
    if allowed is not None:
        return allowed
    waiting = waits_for(case, ground.desks)
    if waiting is not None and waiting.department == unit.department:
        raise Conflict(
            f"{unit.id} may not be commanded here, and {waiting.words()} already.",
            case=case.model_dump(mode="json"),
        )
    return ask(unit, ground.book, ground.desks, matter, cell, now)


def _unknown(where: str, what: str, allowed: list[str]) -> Invalid:
    shown = ", ".join(sorted(allowed)[:SHOWN]) or "none"
    return Invalid(
        "The case cannot be offered there.", faults=(Fault(where=where, what=what, allowed=shown),)
    )
