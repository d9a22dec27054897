"""What it costs to locate a point among few and among very many cells."""

import math
import random
import statistics
import time
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import shapely

from qipan.territory import Cell, Layer, Territory
from qipan.territory.cell import DUTY_LAYER, TOWN_LAYER

WEST, SOUTH, SIDE = 120.0, 30.0, 0.5
"""A square of about 50 km: a district for few cells, a province's worth of them for many."""


def measure(few: int = 10, many: int = 100_000, points: int = 20_000, rounds: int = 7) -> dict[str, Any]:
    """Microseconds to locate one point, the median of `rounds` with each number of cells in turn; their ratio.

    The same points for both, in the same order, drawn evenly: every one lies in a cell, and with many cells
    hardly two in the same one, so that nothing is found warm.
    """
    chance = random.Random(7)
    drawn = [
        (WEST + chance.uniform(0.001, 0.999) * SIDE, SOUTH + chance.uniform(0.001, 0.999) * SIDE)
        for _ in range(points)
    ]
    territories = {count: territory(count) for count in (few, many)}
    taken: dict[int, list[float]] = {count: [] for count in territories}
    for count, ground in territories.items():  # warm both, and check that nothing is missed
        if any(DUTY_LAYER not in _cells(ground, point) for point in drawn[:1000]):
            raise RuntimeError(f"a point was not found among {count} cells")
    for turn in range(rounds):
        order = list(territories) if turn % 2 == 0 else list(territories)[::-1]
        for count in order:
            taken[count].append(_time(territories[count], drawn))
    microseconds = {count: round(statistics.median(times), 2) for count, times in taken.items()}
    return {
        "few": few,
        "many": many,
        "points": points,
        "rounds": rounds,
        "us_few": microseconds[few],
        "us_many": microseconds[many],
        "ratio": round(microseconds[many] / microseconds[few], 3),
    }


def territory(count: int) -> Territory:
    """One town cut into `count` duty cells in rows, whose borders are as uneven as real ones."""
    columns = next(across for across in range(math.isqrt(count), 0, -1) if count % across == 0)
    rows = count // columns
    chance = random.Random(count)
    corners = {
        (x, y): (
            WEST + SIDE * _moved(x, columns, chance) / columns,
            SOUTH + SIDE * _moved(y, rows, chance) / rows,
        )
        for x in range(columns + 1)
        for y in range(rows + 1)
    }
    cells = [
        Cell(f"{y * columns + x:09d}", "town", shapely.Polygon(_around(corners, x, y)))
        for y in range(rows)
        for x in range(columns)
    ]
    whole = Cell("T", "town", shapely.box(WEST, SOUTH, WEST + SIDE, SOUTH + SIDE))
    return Territory([Layer(TOWN_LAYER, "", "", (whole,)), Layer(DUTY_LAYER, "", "", tuple(cells))])


def _moved(line: int, lines: int, chance: random.Random) -> float:
    """Where a corner is: a little off its line, but on the outer border."""
    return line if line in (0, lines) else line + chance.uniform(-0.3, 0.3)


def _around(corners: dict[tuple[int, int], tuple[float, float]], x: int, y: int) -> list[tuple[float, float]]:
    """A cell's ring: its four corners, each side in four pieces as cells of streets have."""
    ring = [corners[x, y], corners[x + 1, y], corners[x + 1, y + 1], corners[x, y + 1], corners[x, y]]
    return [
        (one[0] + (other[0] - one[0]) * part / 4, one[1] + (other[1] - one[1]) * part / 4)
        for one, other in pairwise(ring)
        for part in range(4)
    ]


def _cells(ground: Territory, point: tuple[float, float]) -> Sequence[str]:
    found = ground.locate(*point)
    return () if found is None else tuple(found.cells)


def _time(ground: Territory, points: Sequence[tuple[float, float]]) -> float:
    locate = ground.locate
    begun = time.perf_counter()
    for lon, lat in points:
        locate(lon, lat)
    return (time.perf_counter() - begun) / len(points) * 1e6
