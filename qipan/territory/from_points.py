"""Ground where only points are known: cells around clusters of points, each somebody's by majority."""

from collections import Counter
from collections.abc import Sequence

import numpy
import shapely

from qipan.territory.partition import Area, Point, fit_together, groups, voronoi

METRES_PER_DEGREE = 111_195.0


def cells_of_points(
    points: Sequence[Point], owners: Sequence[str], count: int, margin_metres: float
) -> list[tuple[str, Area]]:
    """About `count` cells with nearly as many points each, and whom most of a cell's points name.

    The area is the points' concave hull with a margin. Places with many points get small cells. Groups whose
    middles are within ten metres or so make one cell, so there may be fewer than asked.
    """
    group_of = groups(points, count)
    members: list[list[int]] = [[] for _ in range(count)]
    for index, group in enumerate(group_of):
        members[group].append(index)
    centres: dict[Point, Counter[str]] = {}
    for own in members:
        middle = numpy.mean([points[index] for index in own], axis=0)
        votes = centres.setdefault((round(float(middle[0]), 4), round(float(middle[1]), 4)), Counter())
        votes.update(owners[index] for index in own)
    hull = shapely.concave_hull(shapely.multipoints(numpy.asarray(points)), ratio=0.15)
    area = hull.buffer(margin_metres / METRES_PER_DEGREE)
    cells = [
        (_most(votes), shape)
        for votes, shape in zip(centres.values(), voronoi(area, list(centres)), strict=True)
        if not shape.is_empty
    ]
    fitted = fit_together([shape for _, shape in cells])
    return [(owner, shape) for (owner, _), shape in zip(cells, fitted, strict=True)]


def _most(votes: Counter[str]) -> str:
    return min(votes, key=lambda owner: (-votes[owner], owner))
