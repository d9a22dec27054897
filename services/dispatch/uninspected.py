"""核查 without anybody for it: a disposed case that no grid worker may inspect, and for whom it waits instead. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from qipan.contracts.case import CaseState, Stage, Waiting
from qipan.tenancy import District, Person, in_shadow, shadow_of
from qipan.territory.cell import DUTY_LAYER
from services.dispatch.inspecting import not_of_the_unit
from services.dispatch.steps import NOTHING, Actor, not_the_handler


@dataclass(frozen=True, slots=True)
class Inspectors:
    """Who inspects in a tenant: grid workers, each in their cells, and on whose list lies what none of them may.

    `other_unit`: the town lets nobody of the unit that disposed of a case inspect it.
    """

    walkers: tuple[Person, ...] = ()
    named: tuple[str, ...] = ()
    other_unit: bool = False

    def waiting(self, case: CaseState) -> Waiting | None:
        """For whom a disposed case waits that no grid worker can inspect, and why; None for any other case."""
        if case.stage is not Stage.DISPOSED:
            return None
        cells = frozenset(case.place.cells.values())
        here = [person for person in self.walkers if not cells.isdisjoint(person.cells)]
        if any(self._may(case, person) for person in here):
            return None
        cell = case.place.cells.get(DUTY_LAYER, "outside every duty cell")
        why = "the grid workers of the cell had a part in it" if here else "the cell has no grid worker"
        return Waiting(
            waits_for=self.named[sum(case.case_id.encode()) % len(self.named)] if self.named else None,
            reason=f"nobody inspects it ({cell}): {why}; a supervisor does",
        )

    def _may(self, case: CaseState, person: Person) -> bool:
        actor = Actor(
            person.id,
            frozenset(person.roles),
            person.tenant,
            frozenset((person.unit,) if person.unit else ()),
        )
        guards = (not_the_handler, not_of_the_unit) if self.other_unit else (not_the_handler,)
        return all(guard(case, actor, NOTHING) is None for guard in guards)


def inspectors_of(district: District, tenant: str) -> Inspectors:
    """The inspectors by the pack. Named are its supervisors; without any the district's, or at last its leads."""
    own = district.people_of(tenant)
    shadow = shadow_of(tenant)
    above = district.people_of(in_shadow(district.id, shadow) if shadow else district.id)
    return Inspectors(
        walkers=tuple(person for person in own if "grid-worker" in person.roles),
        named=_ids(own, "supervisor") or _ids(above, "supervisor") or _ids(above, "district-lead"),
        other_unit=district.setting(tenant, "dispatch.inspect-other-unit", False),
    )


def _ids(people: Sequence[Person], role: str) -> tuple[str, ...]:
    return tuple(person.id for person in people if role in person.roles)
