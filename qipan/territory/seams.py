"""Where the cells of a partition do not fit together: gaps, overlaps, and ground that is another town's."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy
import shapely

from qipan.territory.area import square_metres
from qipan.territory.cell import Cell
from qipan.territory.partition import GRID, Area, Point


class SeamKind(StrEnum):
    """What is wrong at a seam."""

    GAP = "gap"  # ground of the town that is nobody's
    OVERLAP = "overlap"  # ground that is two cells'
    BEYOND = "beyond"  # ground that a cell has outside its own town


@dataclass(frozen=True, slots=True)
class Seam:
    """One place where cells do not fit.

    `cells` are the two that overlap, the one that reaches beyond, or those around a gap; `at` is a point in it
    (WGS-84 degrees).
    """

    kind: SeamKind
    cells: tuple[str, ...]
    town: str
    square_metres: float
    at: Point


def seams(cells: Sequence[Cell], ground: Mapping[str, Area], tolerance: float) -> list[Seam]:
    """Every gap, overlap and reach beyond of more than `tolerance` square metres, the largest first.

    `cells` hold at one time; `ground` is what each town has to divide. Rounding to six decimals leaves slivers
    of some square centimetres: the tolerance is for those.
    """
    found = [*_overlaps(cells), *_gaps(cells, ground), *_beyond(cells, ground)]
    return sorted(
        (seam for seam in found if seam.square_metres > tolerance),
        key=lambda seam: (-seam.square_metres, seam.kind, seam.cells),
    )


def _overlaps(cells: Sequence[Cell]) -> Iterator[Seam]:
    shapes = numpy.array([cell.shape for cell in cells], dtype=object)
    if not len(shapes):
        return
    ones, others = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    pairs = [(one, other) for one, other in zip(ones.tolist(), others.tolist(), strict=True) if one < other]
    for one, other in pairs:
        common = shapely.intersection(shapes[one], shapes[other])
        if common.area > 0:
            codes = sorted((cells[one].code, cells[other].code))
            yield _seam(SeamKind.OVERLAP, codes, cells[one].town, common)


def _gaps(cells: Sequence[Cell], ground: Mapping[str, Area]) -> Iterator[Seam]:
    if not cells:
        for town, area in ground.items():
            yield _seam(SeamKind.GAP, (), town, area)
        return
    covered = shapely.union_all(numpy.array([cell.shape for cell in cells], dtype=object))
    tree = shapely.STRtree([cell.shape for cell in cells])
    for town, area in ground.items():
        for gap in shapely.get_parts(shapely.difference(area, covered)):
            if gap.area > 0:
                around = tree.query(shapely.buffer(gap, GRID), predicate="intersects").tolist()
                yield _seam(SeamKind.GAP, sorted(cells[index].code for index in around), town, gap)


def _beyond(cells: Sequence[Cell], ground: Mapping[str, Area]) -> Iterator[Seam]:
    for cell in cells:
        own = ground.get(cell.town)
        outside = cell.shape if own is None else shapely.difference(cell.shape, own)
        if outside.area > 0:
            yield _seam(SeamKind.BEYOND, (cell.code,), cell.town, outside)


def _seam(kind: SeamKind, codes: Sequence[str], town: str, shape: shapely.Geometry) -> Seam:
    inside = shape.representative_point()
    return Seam(kind, tuple(codes), town, square_metres(shape), (round(inside.x, 6), round(inside.y, 6)))
