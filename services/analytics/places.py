"""Where it happens: cells with more than usual, repeated places, and places that come back after closure. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from math import cos, floor, hypot, radians, sqrt

from qipan.contracts.figures import HotCell, HotPlace

METRES_PER_DEGREE = 111_320.0
SHOWN = 50
SHOWN_CASES = 10


@dataclass(frozen=True, slots=True)
class Filed:
    """A case at its place. `closed_at` None: it is open."""

    tenant: str
    case_id: str
    matter: str
    lon: float
    lat: float
    component: str | None
    filed_at: datetime
    closed_at: datetime | None


@dataclass(slots=True)
class _Spot:
    first: Filed
    cases: list[Filed] = field(default_factory=list)


def hot_cells(cells: Iterable[tuple[str, str, int, Sequence[int]]]) -> tuple[HotCell, ...]:
    """The cells with most beyond their usual. Each is (tenant, cell, filed, filed in each earlier period).

    The excess is in standard deviations of chance: 2·(√filed − √usual).
    """
    found = []
    for tenant, cell, filed, earlier in cells:
        usual = sum(earlier) / len(earlier) if earlier else 0.0
        excess = 2 * (sqrt(filed + 0.375) - sqrt(usual + 0.375))
        if excess > 0:
            found.append(
                HotCell(tenant=tenant, cell=cell, filed=filed, normal=usual, excess=round(excess, 3))
            )
    return tuple(sorted(found, key=lambda one: (-one.excess, one.tenant, one.cell))[:SHOWN])


def hot_places(cases: Iterable[Filed], since: datetime, metres: float, at_least: int) -> tuple[HotPlace, ...]:
    """Places of one matter within so many metres, or at one component, with at least so many cases since then.

    Earlier cases only tell what came back: a case filed where an earlier one of its matter had been closed.
    """
    found = []
    for spot in _spots(cases, metres):
        recent = [case for case in spot.cases if case.filed_at >= since]
        back = [case for case in recent if _came_back(case, spot.cases)]
        if len(recent) < at_least and not back:
            continue
        newest = sorted(recent, key=lambda case: case.filed_at, reverse=True)
        found.append(
            HotPlace(
                tenant=spot.first.tenant,
                matter=spot.first.matter,
                lon=spot.first.lon,
                lat=spot.first.lat,
                component=spot.first.component,
                filed=len(recent),
                came_back=len(back),
                last_at=newest[0].filed_at,
                cases=tuple(case.case_id for case in newest[:SHOWN_CASES]),
            )
        )
    return tuple(sorted(found, key=lambda one: (-one.filed, -one.came_back, one.lon, one.lat))[:SHOWN])


def _came_back(case: Filed, others: Sequence[Filed]) -> bool:
    return any(
        other.closed_at is not None and other.closed_at <= case.filed_at and other.case_id != case.case_id
        for other in others
    )


def _spots(cases: Iterable[Filed], metres: float) -> list[_Spot]:
    """Cases in the order of filing join the first spot of their matter that is near enough."""
    cases = sorted(cases, key=lambda one: (one.filed_at, one.case_id))
    # One scale for a whole district: it is small enough for that.
    scale = METRES_PER_DEGREE * cos(radians(cases[0].lat)) if cases else 1.0
    spots: list[_Spot] = []
    near: dict[tuple[object, ...], list[_Spot]] = {}
    for case in cases:
        group = (case.tenant, case.matter)
        spot = None
        if case.component is not None:
            keys = [(*group, case.component)]
        else:
            x, y = floor(case.lon * scale / metres), floor(case.lat * METRES_PER_DEGREE / metres)
            keys = [(*group, x + dx, y + dy) for dx in (0, -1, 1) for dy in (0, -1, 1)]
        for key in keys:
            spot = next((one for one in near.get(key, ()) if _within(one.first, case, metres, scale)), None)
            if spot is not None:
                break
        if spot is None:
            spot = _Spot(case)
            spots.append(spot)
            near.setdefault(keys[0], []).append(spot)
        spot.cases.append(case)
    return spots


def _within(one: Filed, other: Filed, metres: float, scale: float) -> bool:
    if one.component is not None or other.component is not None:
        return one.component == other.component
    east, north = (one.lon - other.lon) * scale, (one.lat - other.lat) * METRES_PER_DEGREE
    return hypot(east, north) <= metres
