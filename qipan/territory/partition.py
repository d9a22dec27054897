"""Cutting an area into cells: Voronoi cells of points, evened out, then made to fit each other exactly."""

import math
from collections.abc import Sequence
from random import Random
from typing import TypeAlias

import numpy
import shapely
from shapely import MultiPolygon, Polygon

Point: TypeAlias = tuple[float, float]
Area: TypeAlias = Polygon | MultiPolygon

GRID = 1e-6
"""Degrees (about 10 cm): every vertex lies on this grid, so that six written decimals lose nothing."""


def voronoi(area: Area, points: Sequence[Point]) -> list[Area]:
    """The part of `area` nearest to each point, in the points' order (degrees; distances true to scale)."""
    if len(points) == 1:
        return [area]
    scale = _scale(area)
    flat = shapely.transform(area, lambda xy: xy * scale)
    places = shapely.multipoints(numpy.asarray(points) * scale)
    diagram = shapely.voronoi_polygons(places, extend_to=flat, ordered=True)
    cells = shapely.intersection(shapely.get_parts(diagram), flat)
    return [shapely.transform(_areal(cell), lambda xy: xy / scale) for cell in cells]


def even_points(area: Area, count: int, random: Random, rounds: int = 12) -> list[Point]:
    """`count` points spread evenly over `area`: random ones, relaxed towards their cells' centres (Lloyd)."""
    points = _random_points(area, count, random)
    for _ in range(rounds):
        cells = voronoi(area, points)
        points = [
            point if cell.is_empty else _inside(cell) for point, cell in zip(points, cells, strict=True)
        ]
    return points


def fit_together(cells: Sequence[Area]) -> list[Area]:
    """The same cells, borders noded and snapped to GRID: no gap, no overlap, not even a millimetre's.

    Cells of neighbouring towns are cut independently and meet in the middle of each other's edges; rounded
    one by one they would leave slivers. Here all edges are rounded together and every face goes to one
    cell.
    """
    edges = shapely.union_all(shapely.boundary(numpy.asarray(cells, dtype=object)), grid_size=GRID)
    faces = shapely.get_parts(shapely.polygonize([*shapely.get_parts(edges)]))
    tree = shapely.STRtree(cells)
    owner = tree.nearest(shapely.point_on_surface(faces))
    area = shapely.buffer(shapely.union_all(numpy.asarray(cells, dtype=object)), GRID)
    inside = shapely.covers(area, faces)
    fitted: list[Area] = []
    for index in range(len(cells)):
        own = faces[(owner == index) & inside]
        fitted.append(shapely.coverage_union_all(own) if len(own) > 1 else own[0])
    return [_areal(cell) for cell in fitted]


def groups(points: Sequence[Point], count: int) -> list[int]:
    """Which of `count` compact, nearly equal groups each point is in (halving across the longer side)."""
    if not 1 <= count <= len(points):
        raise ValueError(f"cannot make {count} groups of {len(points)} points")
    answer = [0] * len(points)
    _halve(points, list(range(len(points))), count, 0, answer)
    return answer


def shares(total: int, weights: Sequence[float], least: int = 1) -> list[int]:
    """`total` divided in proportion to `weights`, each at least `least` (largest remainders first)."""
    spare = total - least * len(weights)
    if spare < 0:
        raise ValueError(f"{total} is not enough to give {len(weights)} parts {least} each")
    exact = [spare * weight / sum(weights) for weight in weights]
    parts = [math.floor(part) for part in exact]
    by_remainder = sorted(range(len(parts)), key=lambda i: (parts[i] - exact[i], i))
    for index in by_remainder[: spare - sum(parts)]:
        parts[index] += 1
    return [part + least for part in parts]


def _halve(points: Sequence[Point], members: list[int], count: int, first: int, answer: list[int]) -> None:
    if count == 1:
        for member in members:
            answer[member] = first
        return
    spread = [
        max(points[m][axis] for m in members) - min(points[m][axis] for m in members) for axis in (0, 1)
    ]
    axis = 0 if spread[0] > spread[1] else 1
    members = sorted(members, key=lambda m: (points[m][axis], points[m][1 - axis], m))
    half = count // 2
    cut = min(max(round(len(members) * half / count), half), len(members) - (count - half))
    _halve(points, members[:cut], half, first, answer)
    _halve(points, members[cut:], count - half, first + half, answer)


def _random_points(area: Area, count: int, random: Random) -> list[Point]:
    west, south, east, north = area.bounds
    shapely.prepare(area)
    points: list[Point] = []
    while len(points) < count:
        lon, lat = random.uniform(west, east), random.uniform(south, north)
        if shapely.contains_xy(area, lon, lat):
            points.append((lon, lat))
    return points


def _inside(cell: Area) -> Point:
    centre = cell.centroid
    if not cell.contains(centre):
        centre = cell.representative_point()
    return centre.x, centre.y


def _areal(shape: shapely.Geometry) -> Area:
    """The polygons of a result that may also hold the odd line or point where borders touch."""
    if isinstance(shape, Polygon | MultiPolygon):
        return shape
    return shapely.union_all([part for part in shapely.get_parts(shape) if isinstance(part, Polygon)])


def _scale(area: Area) -> numpy.ndarray:
    """A degree of longitude is shorter than one of latitude: what to multiply by to compare them."""
    return numpy.array([math.cos(math.radians(area.centroid.y)), 1.0])
