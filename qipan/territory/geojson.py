"""Cells and outlines as GeoJSON files (WGS-84, RFC 7946)."""

import json
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any, Literal

import shapely
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from shapely import MultiPolygon, Polygon

from qipan.territory.cell import Cell


class GeoFault(ValueError):
    """The file is not a GeoJSON collection of cells. `faults` are (where, what) pairs, all of them."""

    def __init__(self, faults: list[tuple[str, str]]) -> None:
        self.faults = faults
        super().__init__("; ".join(f"{where}: {what}" for where, what in faults))


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Name(_Model):
    zh: str
    en: str


class _Properties(_Model):
    code: str = Field(min_length=1, max_length=40)
    town: str
    name: _Name | None = None
    community: str | None = None
    population: int = Field(default=0, ge=0)
    synthetic: bool = False
    valid_from: date | None = None
    valid_until: date | None = None


class _Feature(_Model):
    type: Literal["Feature"]
    properties: _Properties
    geometry: dict[str, Any]


def read_cells(path: Path) -> list[Cell]:
    """The cells of one layer's file; raises GeoFault with everything that is wrong with it."""
    faults: list[tuple[str, str]] = []
    cells: list[Cell] = []
    for index, raw in enumerate(_features(path)):
        where = f"features[{index}]"
        try:
            feature = _Feature.model_validate(raw)
            shape = _polygon(feature.geometry)
        except ValidationError as error:
            faults += [(f"{where}.{'.'.join(map(str, e['loc']))}", e["msg"]) for e in error.errors()]
            continue
        except ValueError as error:
            faults.append((f"{where}.geometry", str(error)))
            continue
        own = feature.properties
        cells.append(
            Cell(
                code=own.code,
                town=own.town,
                shape=shape,
                name_zh=own.name.zh if own.name else own.code,
                name_en=own.name.en if own.name else own.code,
                community=own.community,
                population=own.population,
                synthetic=own.synthetic,
                valid_from=own.valid_from,
                valid_until=own.valid_until,
            )
        )
    if faults:
        raise GeoFault(faults)
    return cells


def read_outline(path: Path) -> Polygon | MultiPolygon:
    """The union of a file's polygons; raises GeoFault."""
    try:
        return shapely.union_all([_polygon(feature["geometry"]) for feature in _features(path)])
    except (KeyError, TypeError, ValueError) as error:
        raise GeoFault([("features", f"no outline: {error}")]) from error


def write_cells(path: Path, cells: Iterable[Cell], note: str) -> None:
    """Write one layer's file, coordinates to six decimals. `note` says where the shapes are from."""
    lines = [json.dumps(_feature(cell), ensure_ascii=False, separators=(",", ":")) for cell in cells]
    head = json.dumps(note, ensure_ascii=False)
    body = ",\n".join(lines)
    path.write_text(
        f'{{"type":"FeatureCollection","note":{head},"features":[\n{body}\n]}}\n', encoding="utf-8"
    )


def _features(path: Path) -> list[Any]:
    try:
        collection = json.loads(path.read_bytes())
    except OSError as error:
        raise GeoFault([("", f"cannot be read: {error.strerror}")]) from error
    except ValueError as error:
        raise GeoFault([("", f"is not JSON: {error}")]) from error
    features = collection.get("features") if isinstance(collection, dict) else None
    if not isinstance(features, list):
        raise GeoFault([("features", "is not a list")])
    return features


def _polygon(geometry: dict[str, Any]) -> Polygon | MultiPolygon:
    try:
        shape = shapely.from_geojson(json.dumps(geometry))
    except shapely.errors.GEOSException as error:
        raise ValueError(f"is not a GeoJSON geometry: {error}") from error
    if not isinstance(shape, Polygon | MultiPolygon) or shape.is_empty:
        raise ValueError("is not a polygon")
    if not shape.is_valid:
        raise ValueError(shapely.is_valid_reason(shape))
    return shape


def _feature(cell: Cell) -> dict[str, Any]:
    properties: dict[str, Any] = {"code": cell.code, "town": cell.town}
    if cell.name_zh or cell.name_en:
        properties["name"] = {"zh": cell.name_zh, "en": cell.name_en}
    if cell.community:
        properties["community"] = cell.community
    if cell.population:
        properties["population"] = cell.population
    if cell.valid_from:
        properties["valid_from"] = cell.valid_from.isoformat()
    if cell.valid_until:
        properties["valid_until"] = cell.valid_until.isoformat()
    properties["synthetic"] = cell.synthetic
    return {"type": "Feature", "properties": properties, "geometry": _geometry(cell.shape)}


def _geometry(shape: Polygon | MultiPolygon) -> dict[str, Any]:
    parts = [
        [[[round(x, 6), round(y, 6)] for x, y in ring.coords] for ring in (part.exterior, *part.interiors)]
        for part in shapely.get_parts(shape)
    ]
    if len(parts) == 1:
        return {"type": "Polygon", "coordinates": parts[0]}
    return {"type": "MultiPolygon", "coordinates": parts}
