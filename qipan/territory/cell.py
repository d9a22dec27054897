"""A grid layer and its cells."""

from dataclasses import dataclass
from datetime import date

from shapely import MultiPolygon, Polygon

TOWN_LAYER = "town"
"""The layer every territory has: one cell (or several) for each town."""

DUTY_LAYER = "duty"
"""责任网格: the layer that grid workers walk."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of one layer.

    `code` is unique within its layer. The cell is valid from the beginning of `valid_from` to the beginning
    of `valid_until` (dates in the district's zone; None is unbounded). `synthetic` cells were derived, not
    surveyed.
    """

    code: str
    town: str
    shape: Polygon | MultiPolygon
    name_zh: str = ""
    name_en: str = ""
    community: str | None = None
    population: int = 0
    synthetic: bool = False
    valid_from: date | None = None
    valid_until: date | None = None


def holding(cell: Cell, day: date) -> bool:
    """Whether the cell is valid on a day."""
    begun = cell.valid_from is None or cell.valid_from <= day
    return begun and (cell.valid_until is None or day < cell.valid_until)


@dataclass(frozen=True, slots=True)
class Layer:
    """One partition of the territory (网格图层)."""

    id: str
    name_zh: str
    name_en: str
    cells: tuple[Cell, ...]
