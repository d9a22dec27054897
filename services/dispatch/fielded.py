"""The workers of a tenant as the field's list shows them: who they are, how they stand, what they hold. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from qipan.access import Reach
from qipan.contracts.field import Fielded, HeldTask, Shift
from qipan.tenancy import District, Person, TenantKind, in_shadow, shadow_of
from services.dispatch.planned import Plan
from services.dispatch.shifts import Duty
from services.dispatch.states import Held, of_task, standing

WORKING = frozenset({"handler", "grid-worker"})
"""The roles of those who are in the field."""


def workers_of(district: District, tenant: str) -> Iterator[Person]:
    """Who works in the field of a town, or for a department in all towns."""
    if district.tenant(tenant).kind is not TenantKind.DEPARTMENT:
        yield from (person for person in district.people_of(tenant) if not WORKING.isdisjoint(person.roles))
        return
    units = {unit.id: unit.town for unit in district.units_of(tenant)}
    for town in sorted(set(units.values())):
        people = district.people_of(in_shadow(town, shadow_of(tenant)))
        yield from (person for person in people if person.unit in units)


def worker_of(district: District, tenant: str, id: str) -> Person | None:
    """The tenant's worker with this id; None when nobody in its field is called that."""
    return next((person for person in workers_of(district, tenant) if person.id == id), None)


def within(
    people: Iterable[Person], reach: Reach, departments: Mapping[str, str], asker: str
) -> list[Person]:
    """Those of the people whom a right reaches; `departments`: unit → whose it is."""
    if reach.everything:
        return list(people)
    return [
        person
        for person in people
        if person.id == asker
        or (person.unit is not None and person.unit in reach.units)
        or (reach.department is not None and departments.get(person.unit or "") == reach.department)
    ]


def shown(
    person: Person,
    duty: Duty,
    shift: Shift | None,
    held: Sequence[Held],
    now: datetime,
    *,
    required: bool,
    plan: Plan | None = None,
) -> Fielded:
    """One worker as the list shows them."""
    found = standing(duty, held, now, required=required, plan=plan)
    tasks = tuple(_task(one) for one in held)
    return Fielded(
        worker=person.id,
        name=person.name,
        unit=person.unit,
        state=found.state,
        why=found.why,
        shift=shift,
        tasks=tasks,
    )


def _task(held: Held) -> HeldTask:
    case, support = held.case, held.support
    return HeldTask(
        case_id=case.case_id,
        task_id=support.task_id if support else case.task_id,
        role="support" if support else "lead",
        matter=case.matter,
        stage=case.stage,
        state=of_task(held),
        place=case.place,
        due_at=case.due_at,
    )
