"""Whom a town may command: its units under a mandate, or the department is asked. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from qipan.contracts.case import CaseState
from qipan.tenancy import Book, District, Matter, Unit, in_shadow, shadow_of
from qipan.tenancy.mandate import Concern
from services.dispatch.choosing import Choice, Squad
from services.dispatch.steps import Brings


@dataclass(frozen=True, slots=True)
class Desk:
    """Who answers when a department is asked: a tenant, and the people on whose list the case comes."""

    department: str
    tenant: str
    people: tuple[str, ...]

    def words(self) -> str:
        """Whom the case waits for."""
        names = ", ".join(self.people) or f"whoever dispatches for {self.tenant}"
        return f"{self.department} is asked to assign a unit: on the list of {names}"

    def waits(self, case_id: str) -> dict[str, str]:
        """For the history: the one by name who sees to the case; the same every time."""
        if not self.people:
            return {}
        return {"waits_for": self.people[sum(case_id.encode()) % len(self.people)]}


@dataclass(frozen=True, slots=True)
class Asked:
    """A department is asked, and why nobody was commanded."""

    desk: Desk
    why: str

    def brings(self) -> Brings:
        """What the step brings."""
        return Brings(department=self.desk.department, reason=self._reason)

    def detail(self) -> dict[str, str]:
        """What the history says."""
        return {"why": self._reason, "asked": self.desk.department}

    @property
    def _reason(self) -> str:
        return f"{self.why}; {self.desk.words()}"


def desks_of(district: District, tenant: str) -> Mapping[str, Desk]:
    """The desk of every department, as a tenant's cases meet it: in an exercise, the exercise's."""
    return {department.id: _desk(district, department.id, tenant) for department in district.departments}


def _desk(district: District, department: str, tenant: str) -> Desk:
    answers = in_shadow(district.desk_of(department), shadow_of(tenant))
    people = tuple(p.id for p in district.people_of(answers) if "dispatcher" in p.roles)
    return Desk(department, answers, people)


def commanded(
    squads: tuple[Squad, ...], book: Book, matter: Concern, cell: str | None, now: datetime
) -> tuple[Squad, ...]:
    """The squads that may be sent directly."""
    able = tuple(s for s in squads if book.commands(s.unit.department, matter, cell, now))
    return squads if len(able) == len(squads) else able


def asked(
    squads: Iterable[Squad],
    able: Iterable[Squad],
    book: Book,
    desks: Mapping[str, Desk],
    matter: Matter,
    cell: str | None,
    now: datetime,
) -> Asked | None:
    """Whom to ask when nobody of `able` was chosen: the department of the unit that handles the matter here.

    None when a unit that may be commanded handles it, or none at all does: then a dispatcher decides.
    """
    if any(s.unit.handles(matter) and s.unit.serves(cell) for s in able):
        return None
    units = [s.unit for s in squads if s.unit.handles(matter) and s.unit.serves(cell)]
    if not units:
        return None
    unit = min(units, key=lambda unit: (unit.precedence, unit.id))
    return ask(unit, book, desks, matter, cell, now)


def ask(
    unit: Unit, book: Book, desks: Mapping[str, Desk], matter: Concern, cell: str | None, now: datetime
) -> Asked:
    """The unit's department is asked, because the unit may not be sent."""
    why = book.why_not(unit.department, matter, cell, now)
    return Asked(desks[unit.department], f"{unit.id} may not be commanded here: {why}")


@dataclass(frozen=True, slots=True)
class Sent:
    """A chosen unit may be sent: under which mandate (None: its own department's command), and all the reasons."""

    mandate: str | None
    reasons: tuple[str, ...]


def sent(choice: Choice, book: Book, matter: Concern, cell: str | None, now: datetime) -> Sent | None:
    """By what right a chosen unit is sent; None: by none."""
    department = choice.unit.department
    if department in book.own:
        return Sent(None, choice.reasons)
    mandate = book.given(department, matter, cell, now)
    return None if mandate is None else Sent(mandate.id, (*choice.reasons, f"under {mandate.words()}"))


def waits_for(case: CaseState, desks: Mapping[str, Desk]) -> Desk | None:
    """The desk that was asked about a case and has not assigned anybody yet."""
    return desks.get(case.department) if case.department and case.unit is None else None
