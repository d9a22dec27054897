"""Figures as files: a CSV of what was asked for, and GeoJSON of cells and places. Pure."""

import csv
import io
from collections.abc import Iterable
from typing import Any, Literal

from shapely.geometry import mapping

from qipan.contracts.figures import Declared, Figures, GetFigures, Hotspots
from qipan.tenancy import District
from qipan.territory.cell import DUTY_LAYER
from services.gateway.sheet import Sheet, guarded

BYTE_ORDER_MARK = "\ufeff"
"""Without it Excel reads no Chinese."""

NOTE = "Shapes of cells are derived, not official."


class ExportFigures(GetFigures):
    """The same as a file: `csv`, or `geojson` (by cell), with each cell's shape."""

    format: Literal["csv", "geojson"] = "csv"


def as_csv(figures: Figures, declared: Iterable[Declared], sheet: Sheet, tenant: str, language: str) -> str:
    """A row for each member and time, a column for each indicator; what has no value is an empty cell."""
    shown = [one for one in declared if any(one.id in row.values for row in figures.rows)]
    zh = language != "en"
    heads = ("编号", "名称", "起", "止") if zh else ("Id", "Name", "From", "Until")
    text = io.StringIO()
    lines = csv.writer(text)
    lines.writerow([*heads, *(guarded(one.name["zh" if zh else "en"]) for one in shown)])
    for row in figures.rows:
        owner = row.member if figures.by == "tenant" else tenant
        values = [row.values[one.id].value for one in shown]
        name = sheet.named(owner, figures.by, row.member)
        lines.writerow(
            [guarded(row.member), guarded(name or ""), sheet.time(row.since), sheet.time(row.until), *values]
        )
    return BYTE_ORDER_MARK + text.getvalue()


def cells_geojson(figures: Figures, district: District) -> dict[str, Any]:
    """A feature for each cell and time, with its shape and values; a cell that is no more has no shape."""
    shapes = _shapes(district)
    return _collection(
        {
            "type": "Feature",
            "geometry": shapes.get(row.member),
            "properties": {
                "cell": row.member,
                "since": row.since.isoformat(),
                "until": row.until.isoformat(),
                **{id: value.value for id, value in row.values.items()},
                **row.counts,
            },
        }
        for row in figures.rows
    )


def hotspots_geojson(hotspots: Hotspots, district: District) -> dict[str, Any]:
    """Hot cells as areas, repeated places as points."""
    shapes = _shapes(district)
    cells = (
        {
            "type": "Feature",
            "geometry": shapes.get(one.cell),
            "properties": {"kind": "cell", **one.model_dump(mode="json")},
        }
        for one in hotspots.cells
    )
    places = (
        {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": [one.lon, one.lat]},
            "properties": {"kind": "place", **one.model_dump(mode="json", exclude={"lon", "lat"})},
        }
        for one in hotspots.places
    )
    return _collection((*cells, *places))


def _collection(features: Iterable[dict[str, Any]]) -> dict[str, Any]:
    return {"type": "FeatureCollection", "note": NOTE, "features": list(features)}


def _shapes(district: District) -> dict[str, Any]:
    cells = district.territory.layers[DUTY_LAYER].cells
    return {cell.code: mapping(cell.shape) for cell in cells}
