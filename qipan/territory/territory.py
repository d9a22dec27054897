"""Where a point lies: one cell of each layer, or nowhere."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from types import MappingProxyType
from zoneinfo import ZoneInfo

import shapely

from qipan.territory.cell import TOWN_LAYER, Cell, Layer


@dataclass(frozen=True, slots=True)
class Location:
    """The town a point lies in, and the code of its cell in each layer that covers it."""

    town: str
    cells: Mapping[str, str]


class Territory:
    """All layers of a district, indexed.

    A point on a border belongs to the cell with the lowest code, so that the same point always has the same
    answer.
    """

    def __init__(self, layers: Sequence[Layer], zone: str = "UTC") -> None:
        self.layers: Mapping[str, Layer] = MappingProxyType({layer.id: layer for layer in layers})
        # Sorted by code: among several hits of a layer the first is the lowest.
        entries = sorted(
            ((layer.id, cell) for layer in layers for cell in layer.cells),
            key=lambda entry: (entry[1].code, entry[1].valid_from or date.min),
        )
        self._layer_of = [layer for layer, _ in entries]
        self._cells = [cell for _, cell in entries]
        self._tree = shapely.STRtree([cell.shape for cell in self._cells])
        midnight = ZoneInfo(zone)
        self._dated = any(cell.valid_from or cell.valid_until for cell in self._cells)
        self._from = [_instant(cell.valid_from, midnight, float("-inf")) for cell in self._cells]
        self._until = [_instant(cell.valid_until, midnight, float("inf")) for cell in self._cells]
        self._by_code = {(layer, cell.code): cell for layer, cell in entries}

    def locate(self, lon: float, lat: float, at: datetime | None = None) -> Location | None:
        """The cells that hold a WGS-84 point at an instant, or None when it lies in no town.

        Without `at` the answer is the newest partition: the cells whose validity has no end.
        """
        hits = self._tree.query(shapely.Point(lon, lat), predicate="intersects").tolist()
        if self._dated:
            hits = self._valid(hits, at)
        hits.sort()
        cells: dict[str, str] = {}
        town = None
        for hit in hits:
            layer = self._layer_of[hit]
            if layer in cells:
                continue
            cells[layer] = self._cells[hit].code
            if layer == TOWN_LAYER:
                town = self._cells[hit].town
        return None if town is None else Location(town, cells)

    def cell(self, layer: str, code: str) -> Cell | None:
        """A cell by its code, as it was last drawn, or None."""
        return self._by_code.get((layer, code))

    def cells(self, layer: str, town: str | None = None) -> tuple[Cell, ...]:
        """The cells that a layer has or had (of one town), each code once, as last drawn; in their order."""
        found = {cell.code for cell in self.layers[layer].cells} if layer in self.layers else set()
        newest = (self._by_code[layer, code] for code in sorted(found))
        return tuple(cell for cell in newest if town in (None, cell.town))

    def _valid(self, hits: list[int], at: datetime | None) -> list[int]:
        if at is None:
            return [hit for hit in hits if self._until[hit] == float("inf")]
        moment = at.timestamp()
        return [hit for hit in hits if self._from[hit] <= moment < self._until[hit]]


def _instant(day: date | None, zone: ZoneInfo, unbounded: float) -> float:
    return unbounded if day is None else datetime.combine(day, time(), zone).timestamp()
