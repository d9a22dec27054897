"""What differs between two versions of a grid layer: cells that come, go or change, and ground that changes hands."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy
import shapely

from qipan.territory.area import square_metres
from qipan.territory.cell import Cell


class ChangeKind(StrEnum):
    """What becomes of a cell."""

    ADDED = "added"
    REMOVED = "removed"
    RESHAPED = "reshaped"
    DESCRIBED = "described"  # its town, community, names or population


@dataclass(frozen=True, slots=True)
class CellChange:
    """One cell that is not as it was. `square_metres`: how much ground it has gained and lost, together."""

    kind: ChangeKind
    code: str
    square_metres: float
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Handover:
    """Ground that was one cell's and becomes another's."""

    before: str
    after: str
    square_metres: float


@dataclass(frozen=True, slots=True)
class GridChange:
    """Everything that differs; empty when nothing does."""

    cells: tuple[CellChange, ...]
    ground: tuple[Handover, ...]

    def __bool__(self) -> bool:
        """Whether anything differs."""
        return bool(self.cells or self.ground)


def grid_change(before: Sequence[Cell], after: Sequence[Cell], tolerance: float) -> GridChange:
    """What differs; ground of no more than `tolerance` square metres is not spoken of.

    Cells are the same when their codes are. Each version holds every code once.
    """
    old, new = {cell.code: cell for cell in before}, {cell.code: cell for cell in after}
    changes = [
        *(CellChange(ChangeKind.REMOVED, code, square_metres(old[code].shape)) for code in old.keys() - new),
        *(CellChange(ChangeKind.ADDED, code, square_metres(new[code].shape)) for code in new.keys() - old),
    ]
    for code in old.keys() & new:
        was, is_ = old[code], new[code]
        moved = 0.0
        if not was.shape.equals(is_.shape):
            moved = square_metres(shapely.symmetric_difference(was.shape, is_.shape))
        if moved > tolerance:
            changes.append(CellChange(ChangeKind.RESHAPED, code, moved))
        if detail := _described(was, is_):
            changes.append(CellChange(ChangeKind.DESCRIBED, code, 0.0, detail))
    return GridChange(
        tuple(sorted(changes, key=lambda change: (change.code, change.kind))),
        tuple(_handovers(before, after, tolerance)),
    )


def _handovers(before: Sequence[Cell], after: Sequence[Cell], tolerance: float) -> list[Handover]:
    if not before or not after:
        return []
    new = numpy.array([cell.shape for cell in after], dtype=object)
    tree = shapely.STRtree(numpy.array([cell.shape for cell in before], dtype=object))
    found = []
    for index, hit in zip(*(part.tolist() for part in tree.query(new, predicate="intersects")), strict=True):
        if before[hit].code != after[index].code:
            area = square_metres(shapely.intersection(before[hit].shape, after[index].shape))
            if area > tolerance:
                found.append(Handover(before[hit].code, after[index].code, area))
    return sorted(found, key=lambda each: (each.before, each.after))


def _described(was: Cell, is_: Cell) -> str:
    names = ("town", "community", "name_zh", "name_en", "population", "synthetic")
    return "; ".join(
        f"{name} {getattr(was, name) or '-'} → {getattr(is_, name) or '-'}"
        for name in names
        if getattr(was, name) != getattr(is_, name)
    )
