"""A mandate 赋权: that a town may command a department's units, for which matters, where and how long."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from qipan.contracts.mandates import MandateKind, MandateState
from qipan.tenancy.tenant import base_of


class Concern(Protocol):
    """What a mandate is asked about: a matter, or one that the town does not know."""

    @property
    def code(self) -> str: ...
    @property
    def coercive(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Unknown:
    """A matter that the town does not know; only mandates for everything cover it."""

    code: str
    coercive: bool = False


class Lacks(StrEnum):
    """Why a mandate gives no right to something; the later named, the nearer it came."""

    MATTER = "matter"  # it is for other matters
    KIND = "kind"  # the matter's power is coercive, and nobody is stationed
    AREA = "area"  # it is for other cells
    NOT_YET = "not-yet"  # it has not begun
    EXPIRED = "expired"  # its time is over
    REVOKED = "revoked"  # the department took it back


_NEARNESS = {lacks: number for number, lacks in enumerate(Lacks)}


@dataclass(frozen=True, slots=True)
class Mandate:
    """What one department gave one town. Empty `matters`: all that its units handle; empty `cells`: everywhere.

    It holds from `valid_from` until before `valid_until` (instants; None is unbounded) unless it was revoked.
    `standing` ones are the pack's.
    """

    id: str
    department: str
    town: str
    kind: MandateKind
    legal_basis: str
    matters: frozenset[str] = frozenset()
    cells: frozenset[str] = frozenset()
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    standing: bool = False
    revoked: bool = False

    def lacks(self, matter: Concern, cell: str | None, now: datetime) -> Lacks | None:
        """What keeps it from giving the right to command for this matter, in this duty cell, now; None: nothing.

        A place outside every duty cell is covered only by a mandate for the whole town.
        """
        if self.matters and matter.code not in self.matters:
            return Lacks.MATTER
        if matter.coercive and self.kind is not MandateKind.STATIONED:
            return Lacks.KIND
        if self.cells and cell not in self.cells:
            return Lacks.AREA
        if self.revoked:
            return Lacks.REVOKED
        if self.valid_from is not None and now < self.valid_from:
            return Lacks.NOT_YET
        if self.valid_until is not None and now >= self.valid_until:
            return Lacks.EXPIRED
        return None

    def words(self) -> str:
        """Itself in a few words, for a history."""
        until = f" until {self.valid_until:%Y-%m-%d %H:%M}Z" if self.valid_until else ""
        return f"mandate {self.id} ({self.kind}, {self.legal_basis}{until})"


def from_state(state: MandateState) -> Mandate:
    """The mandate of a stored state. One that has expired says so by its time."""
    return Mandate(
        id=state.mandate_id,
        department=state.department,
        town=base_of(state.tenant),
        kind=state.kind,
        legal_basis=state.legal_basis,
        matters=frozenset(state.matters),
        cells=frozenset(state.cells),
        valid_from=state.valid_from,
        valid_until=state.valid_until,
        standing=state.standing,
        revoked=state.ended == "revoked",
    )


def to_state(mandate: Mandate, tenant: str) -> MandateState:
    """A standing mandate as a tenant (a town or its shadow) is told of it."""
    return MandateState(
        mandate_id=mandate.id,
        tenant=tenant,
        department=mandate.department,
        kind=mandate.kind,
        legal_basis=mandate.legal_basis,
        matters=tuple(sorted(mandate.matters)),
        cells=tuple(sorted(mandate.cells)),
        valid_from=mandate.valid_from,
        valid_until=mandate.valid_until,
        standing=mandate.standing,
        authority=mandate.department,
    )


class Book:
    """The mandates that one tenant was given.

    `own` are the departments whose units it commands in its own right: a department its own, the district those
    that have no people of their own.
    """

    def __init__(self, mandates: Iterable[Mandate] = (), own: Iterable[str] = ()) -> None:
        self.own = frozenset(own)
        self.mandates: tuple[Mandate, ...] = tuple(mandates)
        self._of: dict[str, list[Mandate]] = {}
        # The first that holds decides: the widest and longest first, so that mostly one look is enough.
        for mandate in sorted(self.mandates, key=_widest_first):
            self._of.setdefault(mandate.department, []).append(mandate)

    def given(self, department: str, matter: Concern, cell: str | None, now: datetime) -> Mandate | None:
        """The mandate under which the department's units may be commanded for this; None: there is none."""
        for mandate in self._of.get(department, ()):
            if mandate.lacks(matter, cell, now) is None:
                return mandate
        return None

    def commands(self, department: str, matter: Concern, cell: str | None, now: datetime) -> bool:
        """Whether the department's units may be commanded directly for this, in one's own right or under a mandate."""
        return department in self.own or self.given(department, matter, cell, now) is not None

    def why_not(self, department: str, matter: Concern, cell: str | None, now: datetime) -> str:
        """Why nothing gives the right, told by the mandate that came nearest."""
        known = [(mandate.lacks(matter, cell, now), mandate) for mandate in self._of.get(department, ())]
        lacking = [(lacks, mandate) for lacks, mandate in known if lacks is not None]
        if not lacking:
            return f"{department} has granted no mandate here"
        lacks, mandate = max(lacking, key=lambda each: (_NEARNESS[each[0]], each[1].id))
        return f"{mandate.id} of {department} {_said(lacks, mandate, matter, cell)}"


def _widest_first(mandate: Mandate) -> tuple[bool, bool, bool, float, str]:
    until = mandate.valid_until.timestamp() if mandate.valid_until else float("inf")
    return mandate.revoked, bool(mandate.cells), bool(mandate.matters), -until, mandate.id


def _said(lacks: Lacks, mandate: Mandate, matter: Concern, cell: str | None) -> str:
    match lacks:
        case Lacks.MATTER:
            return f"does not cover {matter.code}"
        case Lacks.KIND:
            return f"is {mandate.kind}, and {matter.code} needs a stationed unit: coercive powers are never delegated"
        case Lacks.AREA:
            return f"does not cover the cell {cell}" if cell else "does not cover the whole town"
        case Lacks.NOT_YET:
            return f"begins only at {mandate.valid_from:%Y-%m-%d %H:%M}Z"
        case Lacks.EXPIRED:
            return f"expired at {mandate.valid_until:%Y-%m-%d %H:%M}Z"
        case _:
            return "was revoked"
