"""Cutting a new town's ground out of the cells that are there."""

from collections.abc import Sequence
from dataclasses import replace

import shapely

from qipan.territory.cell import Cell
from qipan.territory.partition import Area, fit_together

LEAST_SHARE = 1e-6
"""Less of a cell than this is rounding, not ground."""


def carved(cells: Sequence[Cell], own: Sequence[Cell]) -> list[Cell]:
    """The cells of a layer with `own` in their place: what is left of those that they lie on, and the others.

    A cell of which nothing is left is gone. All that touch each other are noded and rounded together.
    """
    ground = shapely.union_all([cell.shape for cell in own])
    shapely.prepare(ground)
    away = [cell for cell in cells if not shapely.intersects(ground, cell.shape)]
    touched = []
    for cell in cells:
        if shapely.intersects(ground, cell.shape):
            left = _areal(shapely.difference(cell.shape, ground))
            if left is not None and left.area > cell.shape.area * LEAST_SHARE:
                touched.append(replace(cell, shape=left))
    mine = [*touched, *own]
    fitted = fit_together([cell.shape for cell in mine])
    return sorted(
        (*away, *(replace(cell, shape=shape) for cell, shape in zip(mine, fitted, strict=True))),
        key=lambda cell: cell.code,
    )


def _areal(shape: shapely.Geometry) -> Area | None:
    """The polygons of a shape, without the lines and points that a cut may leave."""
    parts = [part for part in shapely.get_parts(shape) if isinstance(part, shapely.Polygon) and part.area > 0]
    if not parts:
        return None
    return parts[0] if len(parts) == 1 else shapely.MultiPolygon(parts)
