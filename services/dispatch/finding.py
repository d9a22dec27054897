"""What a list is narrowed by: the filters asked for, read and checked. Pure."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from math import isfinite

from qipan.contracts.case import Stage
from qipan.contracts.errors import Fault, Invalid
from qipan.contracts.filters import CaseFilters
from services.dispatch.words import Box, Term, terms


@dataclass(frozen=True, slots=True)
class Sought:
    """Filters that the store can apply. `now`: the moment against which `overdue` and `light` are meant.

    `words` are groups of index entries, of each of which one must be there.
    """

    stages: frozenset[Stage] = frozenset()
    department: str | None = None
    unit: str | None = None
    worker: str | None = None
    overdue: bool | None = None
    light: str | None = None
    now: datetime | None = None
    filed_from: datetime | None = None
    filed_until: datetime | None = None
    box: Box | None = None
    words: tuple[tuple[Term, ...], ...] = ()


EVERYTHING = Sought()


def sought(filters: CaseFilters, now: Callable[[], datetime]) -> Sought:
    """What the filters ask for; Invalid with every fault. `now` gives the tenant's domain time."""
    faults: list[Fault] = []
    words: list[tuple[Term, ...]] = []
    if filters.matters:
        words.append(tuple(Term(f"m{matter}") for matter in filters.matters))
    if filters.cell is not None:
        words.append((Term(f"c{filters.cell}"),))
    if filters.text is not None:
        asked = terms(filters.text)
        words += [(term,) for term in asked]
        if not asked:
            faults.append(
                Fault(
                    where="text",
                    what="nothing in it can be looked for",
                    allowed="letters, digits or Chinese characters",
                )
            )
    box = None
    if filters.bbox is not None:
        box = _box(filters.bbox)
        if box is None:
            faults.append(
                Fault(
                    where="bbox",
                    what="is no window of the map",
                    allowed="west,south,east,north in degrees, as 120.08,30.31,120.10,30.33",
                )
            )
        elif tiles := box.tiles():
            words.append(tuple(Term(tile) for tile in tiles))
    start, end = filters.filed_from, filters.filed_until
    if start is not None and end is not None and start >= end:
        faults.append(Fault(where="filed_until", what="is not after filed_from", allowed="a later moment"))
    if faults:
        raise Invalid("The list cannot be narrowed that way.", faults=tuple(faults))
    return Sought(
        stages=frozenset(filters.stages),
        department=filters.department,
        unit=filters.unit,
        worker=filters.worker,
        overdue=filters.overdue,
        light=filters.light,
        now=now() if filters.overdue is not None or filters.light is not None else None,
        filed_from=start,
        filed_until=end,
        box=box,
        words=tuple(words),
    )


def _box(text: str) -> Box | None:
    try:
        west, south, east, north = (float(part) for part in text.split(","))
    except ValueError:
        return None
    inside = all(map(isfinite, (west, south, east, north)))
    if not inside or not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        return None
    return Box(west, south, east, north)
