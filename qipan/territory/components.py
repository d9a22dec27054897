"""The component registry (部件): things that stand somewhere and have an id, like a lamp post."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy
import shapely

from qipan.territory.coordinates import Point, metres_between

_METRES_PER_DEGREE = 111_195.0


@dataclass(frozen=True, slots=True)
class Component:
    """One component at its point in WGS-84 degrees.

    `matter` is the code of its class (`s:01037`, a street lamp), `owner` the department that looks after it. A
    `synthetic` one was made up for a demonstration.
    """

    id: str
    town: str
    matter: str
    lon: float
    lat: float
    name_zh: str
    name_en: str
    owner: str
    synthetic: bool = False

    @property
    def point(self) -> Point:
        """Longitude and latitude."""
        return self.lon, self.lat


@dataclass(frozen=True, slots=True)
class Near:
    """The nearest component, how far it is, and how sure it is that it is the one (0 to 1).

    One that stands alone is nearly certain; of two equally far each is as likely as the other.
    """

    component: Component
    metres: float
    confidence: float


class Components:
    """A district's components, by id and by place."""

    def __init__(self, components: Iterable[Component] = ()) -> None:
        self.by_id: Mapping[str, Component] = {component.id: component for component in components}

    def get(self, id: str) -> Component | None:
        """The component with this id, or None."""
        return self.by_id.get(id)

    def nearest(self, town: str, matter: str, point: Point, within: float) -> Near | None:
        """The nearest component of a town and matter, if it is within so many metres of the point."""
        there = self._places.get((town, matter))
        if there is None or within <= 0:
            return None
        tree, components = there
        # Never too small a box: a degree of longitude is at its shortest at the box's far side.
        north = within / _METRES_PER_DEGREE
        east = north / max(0.01, float(numpy.cos(numpy.radians(abs(point[1]) + north))))
        hits = tree.query(shapely.box(point[0] - east, point[1] - north, point[0] + east, point[1] + north))
        near = sorted(
            (metres, components[hit].id)
            for hit in hits.tolist()
            if (metres := metres_between(point, components[hit].point)) <= within
        )
        if not near:
            return None
        metres, id = near[0]
        other = near[1][0] if len(near) > 1 else within
        both = metres + other
        return Near(self.by_id[id], metres, 0.5 if both == 0 else other / both)

    @cached_property
    def _places(self) -> dict[tuple[str, str], tuple[shapely.STRtree, list[Component]]]:
        groups: dict[tuple[str, str], list[Component]] = {}
        for component in self.by_id.values():
            groups.setdefault((component.town, component.matter), []).append(component)
        return {
            key: (shapely.STRtree(shapely.points([component.point for component in own])), own)
            for key, own in groups.items()
        }
