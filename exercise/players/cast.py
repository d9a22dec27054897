"""Who plays: the people of the district's pack, found by what they do and where."""

import random
from collections.abc import Sequence

from qipan.contracts.case import CaseState
from qipan.tenancy import District, Person


class NobodyThere(LookupError):
    """The pack has nobody who could do this."""


class Cast:
    """The people of a district by role, unit and cell. `pick` draws with the day's seed."""

    def __init__(self, district: District, seed: int) -> None:
        self._random = random.Random(f"cast/{seed}")
        self._by_role: dict[tuple[str, str], list[Person]] = {}
        self._by_unit: dict[str, list[Person]] = {}
        self._by_cell: dict[str, list[Person]] = {}
        for person in district.people:
            for role in person.roles:
                self._by_role.setdefault((role, person.tenant), []).append(person)
            if person.unit:
                self._by_unit.setdefault(person.unit, []).append(person)
            if "grid-worker" in person.roles:
                for cell in person.cells:
                    self._by_cell.setdefault(cell, []).append(person)

    def has(self, role: str, tenant: str) -> bool:
        """Whether that tenant has anybody in that role."""
        return (role, tenant) in self._by_role

    def one(self, role: str, tenant: str) -> Person:
        """Somebody of that role in that tenant; raises NobodyThere."""
        return self._draw(self._by_role.get((role, tenant), ()), f"no {role} in {tenant}")

    def handler(self, case: CaseState) -> Person:
        """Whoever has the case, or somebody of the unit it was offered to; raises NobodyThere."""
        return self.member(case.unit, case.worker)

    def member(self, unit: str | None, worker: str | None = None) -> Person:
        """Whoever is named of a unit, else somebody of it; raises NobodyThere."""
        team = self._by_unit.get(unit or "", ())
        for person in team:
            if person.id == worker:
                return person
        return self._draw(team, f"no handler in {unit}")

    def walks(self, cell: str) -> bool:
        """Whether a grid worker answers for a duty cell."""
        return cell in self._by_cell

    def inspector(self, case: CaseState) -> Person:
        """Whoever may look at it and did nothing to it: the cell's worker, else a supervisor."""
        did_it = {case.worker, *case.disposed_by, *(part.worker for part in case.supports)}
        nearby = [
            person
            for cell in case.place.cells.values()
            for person in self._by_cell.get(cell, ())
            if person.id not in did_it and person.tenant == case.tenant
        ]
        return self._draw(nearby, "") if nearby else self.one("supervisor", case.tenant)

    def walker(self, cell: str, tenant: str) -> Person:
        """The grid worker who answers for a duty cell, or another of the town; raises NobodyThere."""
        return self._draw(self._by_cell.get(cell) or self._by_role.get(("grid-worker", tenant)) or (), tenant)

    def _draw(self, people: Sequence[Person], complaint: str) -> Person:
        if not people:
            raise NobodyThere(complaint)
        return self._random.choice(people)
