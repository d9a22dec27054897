"""Whose list a waiting case is on, and how a long list is read on from where it stopped."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from qipan.contracts.case import OPEN_STAGES, CaseState, Stage
from qipan.contracts.errors import Fault, Invalid

HELD = frozenset({Stage.OFFERED, Stage.ACCEPTED, Stage.REWORK})
"""Stages in which a handler has the case on the list; what a worker's load counts."""

OVER = frozenset(Stage) - OPEN_STAGES
"""Stages in which nothing more is to be done."""

WAITS_FOR: dict[str, frozenset[Stage]] = {
    "dispatcher": frozenset({Stage.FILED, Stage.RETURNED}),
    "shift-leader": frozenset({Stage.INSPECTED}),
    "supervisor": frozenset({Stage.DISPOSED}),
}
"""What waits for somebody of the town's centre. Leads and operators, who only watch, see all that is open."""


@dataclass(frozen=True, slots=True)
class View:
    """One list of cases, which one index serves. What is None does not narrow it.

    `tenant` is where the case arose; `abroad` a department whose units have it, wherever it arose (both as
    tenants). `unit` means tasks of that unit that nobody in person has been asked to do, `of_unit` all that
    the unit has. `cells` is for disposed cases, `in_cells` for cases of any stage.
    `supported_by`: a worker and units, who have a child task of the case in hand; `handed_to`: a tenant that has
    taken the case over. `stuck`: only where a child task waits for the dispatcher of whoever commands the case.
    """

    stages: frozenset[Stage]
    tenant: str | None = None
    abroad: str | None = None
    department: str | None = None
    worker: str | None = None
    unit: str | None = None
    of_unit: str | None = None
    cells: frozenset[str] | None = None
    in_cells: frozenset[str] | None = None
    not_worker: str | None = None
    supported_by: tuple[str, frozenset[str]] | None = None
    handed_to: str | None = None
    stuck: bool = False


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks for a list, and how far the right to see one reaches (`qipan.access.Reach`).

    `department`: only what this department's units have (its tenant id).
    """

    id: str
    roles: frozenset[str]
    everything: bool
    units: frozenset[str] = frozenset()
    cells: frozenset[str] = frozenset()
    department: str | None = None


def views(
    asker: Asker, tenant: str, *, is_department: bool, wanted: Collection[Stage] = ()
) -> tuple[View, ...]:
    """The lists that together are what waits for the asker in `tenant`; `wanted` asks for certain stages.

    A centre's people get what waits for their role, and may ask for any other open stage. A department's
    tenant holds the cases that its units have, in whichever town.
    """
    chosen = frozenset(wanted) & OPEN_STAGES if wanted else None
    found: list[View] = []
    if asker.everything or asker.department:
        stages = _waiting_for(asker.roles) if chosen is None else chosen
        found += [
            View(
                frozenset({stage}),
                tenant=None if is_department else tenant,
                abroad=tenant if is_department else None,
                department=None if asker.everything else asker.department,
            )
            for stage in sorted(stages)
        ]
    held = HELD if chosen is None else HELD & chosen
    where = {"abroad": tenant} if is_department else {"tenant": tenant}
    if asker.units and held:
        found.append(View(held, worker=asker.id, **where))
        found += [View(held, unit=unit, **where) for unit in sorted(asker.units)]
    if asker.cells and (chosen is None or Stage.DISPOSED in chosen):
        disposed = frozenset({Stage.DISPOSED})
        found.append(View(disposed, tenant=tenant, cells=asker.cells, not_worker=asker.id))
    return tuple(found)


def handed(asker: Asker, tenant: str, wanted: Collection[Stage] = ()) -> tuple[View, ...]:
    """The cases that arose elsewhere and wait for the asker where they were taken over (移交)."""
    chosen = frozenset(wanted) & OPEN_STAGES if wanted else None
    found: list[View] = []
    stages = _waiting_for(asker.roles) if chosen is None else chosen
    if asker.everything and stages:
        found.append(View(stages, handed_to=tenant))
    held = HELD if chosen is None else HELD & chosen
    if asker.units and held:
        # Handed to the town; or, the town's own unit asked by the district, which has taken the case over.
        for where in ({"handed_to": tenant}, {"abroad": tenant}):
            found.append(View(held, worker=asker.id, **where))
            found += [View(held, unit=unit, **where) for unit in sorted(asker.units)]
    return tuple(found)


def supported(asker: Asker, tenant: str, wanted: Collection[Stage] = ()) -> tuple[View, ...]:
    """The cases, as far as they have come, of which the asker has a child task in hand (协办)."""
    stages = frozenset(wanted) & OPEN_STAGES if wanted else OPEN_STAGES
    if not asker.units or not stages:
        return ()
    return (View(stages, tenant=tenant, supported_by=(asker.id, asker.units)),)


def stuck(asker: Asker, tenant: str, wanted: Collection[Stage] = ()) -> tuple[View, ...]:
    """The cases, as far as they have come, of which a child task waits for the asker as their dispatcher (协办)."""
    stages = frozenset(wanted) & OPEN_STAGES if wanted else OPEN_STAGES
    if not asker.everything or "dispatcher" not in asker.roles or not stages:
        return ()
    return View(stages, tenant=tenant, stuck=True), View(stages, handed_to=tenant, stuck=True)


def sights(
    asker: Asker, tenant: str, *, is_department: bool, towns: Collection[str] = ()
) -> tuple[View, ...]:
    """The lists that together are all cases that the asker may see in `tenant`, whatever their stage.

    `towns` are the tenants of the district that is addressed: who may see everything of it sees them all.
    """
    every = frozenset(Stage)
    where = {"abroad": tenant} if is_department else {"tenant": tenant}
    if asker.everything:
        if towns:
            return tuple(View(every, tenant=town) for town in sorted({tenant, *towns}))
        return (View(every, **where),)
    found: list[View] = []
    if asker.department:
        found.append(View(every, department=asker.department, **where))
    found += [View(every, of_unit=unit, **where) for unit in sorted(asker.units)]
    if asker.cells:
        found.append(View(every, in_cells=asker.cells, **where))
    return tuple(found)


def _waiting_for(roles: frozenset[str]) -> frozenset[Stage]:
    named = [stages for role, stages in WAITS_FOR.items() if role in roles]
    return frozenset().union(*named) if named else OPEN_STAGES


class Order(StrEnum):
    """What a list is ordered by, and from which end."""

    DUE = "due"
    NEWEST = "newest"
    OLDEST = "oldest"


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last case of a page, by its deadline or its filing: where the next page goes on."""

    at: datetime
    id: str

    @classmethod
    def of(cls, case: CaseState, order: Order) -> "Cursor":
        """The cursor after a case on a list of that order."""
        at = case.due_at if order is Order.DUE else case.filed_at
        if at is None:
            raise ValueError(f"case {case.case_id} waits for nobody")
        return cls(at, case.case_id)

    @classmethod
    def parse(cls, text: str) -> "Cursor":
        """Read back `str(cursor)`; Invalid when it is not one."""
        when, _, case_id = text.partition("|")
        try:
            at = datetime.fromisoformat(when)
        except ValueError:
            at = None
        if at is None or at.tzinfo is None or not case_id:
            raise Invalid(
                "The list cannot go on from there.",
                faults=(
                    Fault(where="after", what="not a place in a list", allowed="`next` of the page before"),
                ),
            )
        return cls(at, case_id)

    def __str__(self) -> str:
        return f"{self.at.isoformat()}|{self.id}"
