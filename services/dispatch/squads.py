"""The units of a town with their people, and who of them can be asked."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from qipan.tenancy import District, Unit

Worker = tuple[str, frozenset[str]]
"""A handler's id and the duty cells that are especially theirs (mostly none)."""


@dataclass(frozen=True, slots=True)
class Squad:
    """A unit with its people, as the tenant knows them (a shadow's people are not the live tenant's).

    `skills` has what single workers can do beside what all of the unit can.
    """

    unit: Unit
    workers: tuple[Worker, ...]
    skills: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def lacks(self, worker: str, needed: frozenset[str]) -> frozenset[str]:
        """The skills that a worker of it would need and has not."""
        return needed - self.unit.skills - self.skills.get(worker, frozenset())


@dataclass(frozen=True, slots=True)
class Seat:
    """Somebody who can be asked: `worker` None is the whole unit. `minutes` of travel, None: not known.

    `most` is how many open cases the worker may have; 0: any number.
    """

    unit: Unit
    worker: str | None
    open: int = 0
    minutes: float | None = None
    local: bool = False
    most: int = 0

    @property
    def reason(self) -> str:
        """Why this one and not another of the unit."""
        if self.worker is None:
            return "nobody of the unit is on record: the whole unit is asked"
        where = "answers for the cell and " if self.local else ""
        if self.minutes is None:
            return f"{self.worker} {where}has least to do ({self.open} open)"
        return f"{self.worker} {where}is {self.minutes:.0f} minutes away, with {self.open} open"


def squads_of(district: District, tenant: str) -> tuple[Squad, ...]:
    """The units that work in a town, each with its handlers."""
    members: dict[str, list[Worker]] = {}
    skills: dict[str, dict[str, frozenset[str]]] = {}
    for person in district.people_of(tenant):
        if person.unit is not None and "handler" in person.roles:
            members.setdefault(person.unit, []).append((person.id, frozenset(person.cells)))
            if person.skills:
                skills.setdefault(person.unit, {})[person.id] = frozenset(person.skills)
    return tuple(
        Squad(unit, tuple(members.get(unit.id, ())), skills.get(unit.id, {}))
        for unit in district.units_of(tenant)
    )
