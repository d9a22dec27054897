"""派遣 by hand: a dispatcher's choice, checked against who there is."""

from collections.abc import Mapping

from qipan.contracts.case import CaseState
from qipan.contracts.errors import Fault, Invalid
from qipan.territory.cell import DUTY_LAYER
from services.dispatch.choosing import Choice, least_busy
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


def _unknown(where: str, what: str, allowed: list[str]) -> Invalid:
    shown = ", ".join(sorted(allowed)[:SHOWN]) or "none"
    return Invalid(
        "The case cannot be offered there.", faults=(Fault(where=where, what=what, allowed=shown),)
    )
