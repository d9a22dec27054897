"""Whom the rules of who hears what mean: from a case or a notice to people."""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum

from qipan.access import Role
from qipan.contracts.addressed import Addressed
from qipan.contracts.case import CaseState
from qipan.tenancy import Person, base_of
from qipan.territory.cell import DUTY_LAYER
from services.notify.directory import Directory
from services.notify.notices import Notice


class Audience(StrEnum):
    """Whom a rule means, seen from the case or the notice."""

    HANDLER = (
        "handler"  # the worker who has the case; before anybody has it, or once they have left, the unit
    )
    DISPATCHERS = "dispatchers"
    INSPECTORS = "inspectors"  # the grid workers of the case's duty cell, never who disposed of it
    INSTEAD = "instead"  # who inspects where no grid worker may: supervisors, the town's or the district's
    SHIFT_LEADERS = "shift-leaders"
    SUPERVISORS = "supervisors"
    DISTRICT = "district"  # the district's leads and dispatchers
    RECEIVERS = "receivers"  # who is asked to take a case over: a tenant's dispatchers, a unit's handlers
    DECIDERS = "deciders"  # who decides when they refuse: the arbiters, between units the dispatchers
    SUPPORT = "support"  # the worker of the newest child task, the whole unit, or the department asked
    ARBITERS = "arbiters"  # whoever of the district decides disputed returns
    LEADS = "leads"  # the town's
    WORKERS = "workers"  # everybody in the town's field: handlers and grid workers
    WALKERS = "walkers"  # the grid workers of the duty cell that a notice speaks of
    ACCEPTORS = "acceptors"  # the town's; without any, the overseers
    OVERSEERS = "overseers"  # the town's shift leaders; without any, the district's people
    DESKS = "desks"  # the dispatchers and shift leaders of the tenants that the event names
    UNIT = "unit"  # everybody who handles cases for the unit that has it
    ADDRESSED = "addressed"  # whom the event itself names: workers, units, departments
    SUPERVISING = "supervising"  # who supervises the case
    RECTIFYING = "rectifying"  # whoever disposed of what is to be put right (整改)
    REPORTER = "reporter"  # who reported it, by mail, if they asked for that
    DEPARTMENT = "department"  # the dispatchers of the case's department; without any, the district's


def fits(audience: Audience, *, notice: bool) -> bool:
    """Whether an audience makes sense of a notice, or else of a case."""
    if audience in _NAMED or audience in _OF_TENANT:
        return True
    return audience in _OF_NOTICE if notice else audience in _OF_CASE or audience is Audience.REPORTER


def people(
    audience: Audience, about: CaseState | Notice, base: str, directory: Directory, to: Addressed
) -> Sequence[Person]:
    """Whom an audience means; `base`: the live tenant, `to`: whom the event itself names.

    KeyError for an audience that makes sense only of a case, asked for of a notice: a fault of the table.
    """
    if audience in _NAMED:
        holder = about.handover.holder if isinstance(about, CaseState) and about.handover else None
        return _NAMED[audience](to, base_of(holder) if holder else base, directory)
    if audience in _OF_TENANT:
        return _OF_TENANT[audience](base, directory)
    if isinstance(about, Notice):
        return _OF_NOTICE[audience](about, base, directory)
    return _OF_CASE[audience](about, base, directory)


def _handler(case: CaseState, base: str, directory: Directory) -> Sequence[Person]:
    person = directory.person(case.worker) if case.worker is not None else None
    if person is not None:
        return (person,)
    return directory.handlers(case.unit) if case.unit is not None else ()


def _dispatchers(case: CaseState, base: str, directory: Directory) -> Sequence[Person]:
    """Of whoever commands the case: where it arose, or who took it over."""
    holder = case.handover.holder if case.handover else None
    return directory.with_role(base_of(holder) if holder else base, Role.DISPATCHER)


def _receivers(case: CaseState, base: str, directory: Directory) -> Sequence[Person]:
    if case.handover is None:
        return ()
    to = case.handover.to
    return directory.handlers(to) if "/" in to else directory.with_role(base_of(to), Role.DISPATCHER)


def _deciders(case: CaseState, base: str, directory: Directory) -> Sequence[Person]:
    if case.handover is None or "/" in case.handover.to:
        return _dispatchers(case, base, directory)
    return directory.arbiters(base)


def _support(case: CaseState, base: str, directory: Directory) -> Sequence[Person]:
    if not case.supports:
        return ()
    newest = case.supports[-1]
    if newest.through_department and newest.worker is None:
        return directory.desk_of(newest.department) if newest.department is not None else ()
    person = directory.person(newest.worker) if newest.worker is not None else None
    return (person,) if person is not None else directory.handlers(newest.unit)


def _department(case: CaseState, base: str, directory: Directory) -> Sequence[Person]:
    return directory.desk_of(case.department) if case.department is not None else ()


def _inspectors(case: CaseState, base: str, directory: Directory) -> Sequence[Person]:
    workers = directory.grid_workers(base, case.place.cells.get(DUTY_LAYER, ""))
    parts = (case.worker, *case.disposed_by, *(support.worker for support in case.supports))
    did_it = {base_of(one) for one in parts if one is not None}
    return [person for person in workers if person.id not in did_it]


def _addressed(to: Addressed, base: str, directory: Directory) -> Sequence[Person]:
    """A department's are the people of its units in the town, and its own dispatchers where it has any."""
    named = [person for id in to.workers if (person := directory.person(id)) is not None]
    units = [person for unit in to.units for person in directory.handlers(unit)]
    for department in to.departments:
        units += directory.of_department(base, department)
        units += directory.with_role(department, Role.DISPATCHER)
    return [*named, *units]


def _unit(case: CaseState, base: str, directory: Directory) -> Sequence[Person]:
    return directory.handlers(case.unit) if case.unit is not None else ()


def _supervising(case: CaseState, base: str, directory: Directory) -> Sequence[Person]:
    by = case.supervision.by if case.supervision else None
    person = directory.person(by) if by else None
    return (person,) if person is not None else ()


def _rectifying(case: CaseState, base: str, directory: Directory) -> Sequence[Person]:
    newest = case.follow_up.rectification if case.follow_up else None
    if newest is None:
        return ()
    person = directory.person(newest.worker) if newest.worker else None
    if person is not None:
        return (person,)
    return directory.handlers(newest.unit) if newest.unit else ()


def _desks(to: Addressed, base: str, directory: Directory) -> Sequence[Person]:
    roles = (Role.DISPATCHER, Role.SHIFT_LEADER)
    return [
        person for desk in to.desks for role in roles for person in directory.with_role(base_of(desk), role)
    ]


def _workers(base: str, directory: Directory) -> Sequence[Person]:
    return [person for role in (Role.HANDLER, Role.GRID_WORKER) for person in directory.with_role(base, role)]


def _walkers(notice: Notice, base: str, directory: Directory) -> Sequence[Person]:
    return directory.grid_workers(base, notice.cell) if notice.cell is not None else ()


_NAMED: Mapping[Audience, Callable[[Addressed, str, Directory], Sequence[Person]]] = {
    Audience.ADDRESSED: _addressed,
    Audience.DESKS: _desks,
}
_OF_TENANT: Mapping[Audience, Callable[[str, Directory], Sequence[Person]]] = {
    Audience.SHIFT_LEADERS: lambda base, directory: directory.with_role(base, Role.SHIFT_LEADER),
    Audience.INSTEAD: lambda base, directory: directory.supervising(base),
    Audience.DISTRICT: lambda base, directory: directory.of_district(),
    Audience.ARBITERS: lambda base, directory: directory.arbiters(base),
    Audience.SUPERVISORS: lambda base, directory: directory.with_role(base, Role.SUPERVISOR),
    Audience.LEADS: lambda base, directory: directory.with_role(base, Role.TOWN_LEAD),
    Audience.WORKERS: _workers,
    Audience.ACCEPTORS: lambda base, directory: directory.acceptors(base),
    Audience.OVERSEERS: lambda base, directory: directory.overseers(base),
}
_OF_NOTICE: Mapping[Audience, Callable[[Notice, str, Directory], Sequence[Person]]] = {
    Audience.DISPATCHERS: lambda notice, base, directory: directory.with_role(base, Role.DISPATCHER),
    Audience.WALKERS: _walkers,
}
_OF_CASE: Mapping[Audience, Callable[[CaseState, str, Directory], Sequence[Person]]] = {
    Audience.HANDLER: _handler,
    Audience.INSPECTORS: _inspectors,
    Audience.DISPATCHERS: _dispatchers,
    Audience.DEPARTMENT: _department,
    Audience.SUPPORT: _support,
    Audience.RECEIVERS: _receivers,
    Audience.DECIDERS: _deciders,
    Audience.UNIT: _unit,
    Audience.SUPERVISING: _supervising,
    Audience.RECTIFYING: _rectifying,
}
