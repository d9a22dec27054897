"""Choosing who is asked: the matter's department in this town, then its handler with least to do."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from qipan.contracts.events import ReportTriaged
from qipan.tenancy import District, Matter, Unit
from qipan.territory.cell import DUTY_LAYER

Worker = tuple[str, frozenset[str]]
"""A handler's id and the duty cells that are especially theirs (mostly none)."""


@dataclass(frozen=True, slots=True)
class Squad:
    """A unit with its people, as the tenant knows them (a shadow's people are not the live tenant's)."""

    unit: Unit
    workers: tuple[Worker, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """Who is asked, and why (kept in the case's history). `worker` None asks the whole unit."""

    unit: Unit
    worker: str | None
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Situation:
    """All that a choice may depend on: nothing else is known, and choosing changes nothing.

    `squads` are those that work in the town; `loads` the number of cases on each worker's list. `now` is
    domain time.
    """

    tenant: str
    report: ReportTriaged
    matter: Matter
    squads: tuple[Squad, ...]
    loads: Mapping[str, int]
    now: datetime

    @property
    def duty_cell(self) -> str | None:
        """The duty grid cell that the place lies in."""
        return self.report.place.cells.get(DUTY_LAYER)

    def squad(self, unit_id: str) -> Squad | None:
        """The squad with this id; None when the town has no such unit."""
        return next((squad for squad in self.squads if squad.unit.id == unit_id), None)

    def ask(self, squad: Squad, reason: str) -> Choice:
        """The choice of this squad, for this reason; its worker is the one of the cell with least to do."""
        return least_busy(squad, self.duty_cell, self.loads, reason)


def least_busy(squad: Squad, duty_cell: str | None, loads: Mapping[str, int], reason: str) -> Choice:
    """Of the squad's workers for the cell, or of all, the one with the fewest open cases, then by id."""
    local = [id for id, cells in squad.workers if duty_cell in cells]
    able = local or [id for id, _ in squad.workers]
    if not able:
        return Choice(squad.unit, None, (reason, "nobody of the unit is on record: the whole unit is asked"))
    worker = min(able, key=lambda id: (loads.get(id, 0), id))
    where = "answers for the cell and " if local else ""
    return Choice(
        squad.unit, worker, (reason, f"{worker} {where}has least to do ({loads.get(worker, 0)} open)")
    )


def choose(situation: Situation) -> Choice | None:
    """Who is asked by the district's rule; None when no unit handles the matter here: a person decides.

    Of several units that handle the matter at the place, those that name it come before their department's
    general ones, then those with the smaller area, then the first by id.
    """
    matter, cell = situation.matter, situation.duty_cell
    able = [s for s in situation.squads if s.unit.handles(matter) and s.unit.serves(cell)]
    if not able:
        return None
    squad = min(able, key=lambda s: (s.unit.precedence, s.unit.id))
    return situation.ask(squad, f"{squad.unit.id} sees to {matter.code} ({squad.unit.department}) here")


def squads_of(district: District, tenant: str) -> tuple[Squad, ...]:
    """The units that work in a town, each with its handlers."""
    members: dict[str, list[Worker]] = {}
    for person in district.people_of(tenant):
        if person.unit is not None and "handler" in person.roles:
            members.setdefault(person.unit, []).append((person.id, frozenset(person.cells)))
    return tuple(Squad(unit, tuple(members.get(unit.id, ()))) for unit in district.units_of(tenant))
