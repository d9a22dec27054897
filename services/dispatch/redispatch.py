"""派遣 by hand: a dispatcher's choice, checked against who there is."""

from collections.abc import Mapping
from datetime import datetime

from qipan.contracts.case import CaseState
from qipan.contracts.errors import Conflict, Fault, Invalid
from qipan.tenancy import base_of
from qipan.territory.cell import DUTY_LAYER
from services.dispatch.choosing import Choice, least_busy
from services.dispatch.commanding import Asked, Sent, ask, sent, waits_for
from services.dispatch.filing import Ground

SHOWN = 20


def chosen_by_hand(
    case: CaseState, unit: str, worker: str | None, ground: Ground, loads: Mapping[str, int]
) -> Choice:
    """The unit and worker that a dispatcher named, or the unit's least busy; Invalid when there is none."""
    squad = next((squad for squad in ground.squads if squad.unit.id == unit), None)
    if squad is None:
        raise _unknown("unit", f"{unit!r} is no unit of this town", [s.unit.id for s in ground.squads])
    if worker is None:
        return least_busy(squad, case.place.cells.get(DUTY_LAYER), loads, "chosen by a dispatcher")
    people = [id for id, _ in squad.workers]
    if worker not in people:
        raise _unknown("worker", f"{worker!r} is nobody of {unit}", people)
    return Choice(squad.unit, worker, ("chosen by a dispatcher",))


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
