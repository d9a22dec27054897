"""How long it takes to get there. A town with a road network puts it in the place of the default."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from qipan.territory.coordinates import Point, metres_between


class TravelTime(Protocol):
    """Minutes of travel between points (longitude and latitude, WGS-84 degrees)."""

    def minutes(self, start: Point, end: Point) -> float:
        """From one point to the other, in minutes; never negative."""
        ...


@dataclass(frozen=True, slots=True)
class ByRoadFactor:
    """The distance as the crow flies, times how much longer roads are, at a steady speed.

    A detour factor of 1.2 to 1.4 is usual for towns; `kmh` is that of an electric three-wheeler in traffic.
    """

    factor: float = 1.3
    kmh: float = 20.0

    def minutes(self, start: Point, end: Point) -> float:
        """Minutes by the factor and the speed."""
        return metres_between(start, end) * self.factor * 0.06 / self.kmh


USUAL_TRAVEL = ByRoadFactor()
"""Where a town's pack says nothing."""


def matrix(travel: TravelTime, starts: Sequence[Point], ends: Sequence[Point]) -> list[list[float]]:
    """Minutes from every start to every end."""
    return [[travel.minutes(start, end) for end in ends] for start in starts]
