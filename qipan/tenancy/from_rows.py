"""A district's pack from the rows of a city's list of service requests.

Towns are the districts that the rows name, departments their agencies, matters their request types; the
ground is derived from the rows' points. What is derived is labelled synthetic.
"""

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from qipan.tenancy.faults import PackError, PackFault
from qipan.tenancy.mapping import ReplayMapping
from qipan.tenancy.toml import to_toml
from qipan.territory.cell import DUTY_LAYER, TOWN_LAYER, Cell
from qipan.territory.derive import COMMUNITY_LAYER, Counts, TownSeed, layers_of
from qipan.territory.from_points import cells_of_points
from qipan.territory.geojson import write_cells
from qipan.territory.partition import Point, shares

Row = Mapping[str, str | None]
"""A line of the list; a short line has None where it ended."""

NOTE = "Synthetic: derived from the points and districts named in a list of service requests; not surveyed."
LAYERS = {
    TOWN_LAYER: {"zh": "城区", "en": "District"},
    COMMUNITY_LAYER: {"zh": "社区", "en": "Community"},
    DUTY_LAYER: {"zh": "责任网格", "en": "Duty grid"},
}


@dataclass(frozen=True, slots=True)
class Sighting:
    """A row that says both where it is and in which town (its id, and the name as given)."""

    point: Point
    town: str
    name: str


def build_pack(rows: Iterable[Row], mapping: ReplayMapping, into: Path) -> Path:
    """Write a pack made of `rows` into `into` and return it; PackError: not enough rows."""
    rows = list(rows)
    _check_columns(rows, mapping)
    sightings = [found for row in rows if (found := sighting(row, mapping)) is not None]
    asked = mapping.cells.duty
    if len(sightings) < asked:
        what = f"{len(sightings)} rows have a place in the bounds and a town, for {asked} cells"
        raise PackError([PackFault("rows", mapping.columns.town, what, f"at least {asked} rows")])
    layers, towns = _ground(sightings, mapping)
    departments = _departments(rows, mapping)
    _write(into / "district.toml", _district(mapping, departments))
    _write(into / "departments.toml", {"departments": departments})
    _write(into / "mandates.toml", {"mandates": _mandates(departments)})
    _write(into / "matters.toml", {"matters": _matters(rows, mapping)})
    for town in towns:
        _write(into / "towns" / town.id / "town.toml", _town(town))
    (into / "grids").mkdir(parents=True, exist_ok=True)
    for layer in LAYERS:
        write_cells(into / "grids" / f"{layer}.geojson", layers[layer], NOTE)
    return into


def sighting(row: Row, mapping: ReplayMapping) -> Sighting | None:
    """Where a row says it is; None when it names no town, or no point in the bounds that could be meant.

    A point on whole degrees is a rounded one: it says nothing about the place.
    """
    town = _text(row, mapping.columns.town)
    point = point_of(row, mapping)
    if not town or point is None:
        return None
    west, south, east, north = mapping.district.bounds
    if not (west <= point[0] <= east and south <= point[1] <= north):
        return None
    if point[0] == round(point[0]) and point[1] == round(point[1]):
        return None
    return Sighting(point, slug(town), town)


def point_of(row: Row, mapping: ReplayMapping) -> Point | None:
    """The row's longitude and latitude, or None when they are not finite numbers."""
    try:
        lon, lat = float(_text(row, mapping.columns.lon)), float(_text(row, mapping.columns.lat))
    except ValueError:
        return None
    return (lon, lat) if math.isfinite(lon) and math.isfinite(lat) else None


def department_of(row: Row, mapping: ReplayMapping) -> str:
    """The id of the department that the row names."""
    named = _text(row, mapping.columns.department)
    return slug(mapping.same_department.get(named, named))


def slug(name: str) -> str:
    """A name as an id: `Recreation & Parks` → `recreation-parks`.

    A name that would lose letters (Chinese ones, or beyond 31) ends in a digest, so that two stay two.
    """
    latin = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    plain = re.sub(r"[^a-z0-9]+", "-", latin).strip("-")
    if not plain[:1].isalpha() or len(plain) == 1:
        plain = f"x-{plain}".strip("-")
    letters = sum(char.isalnum() for char in unicodedata.normalize("NFC", name))
    if len(plain) > 31 or sum(char.isalnum() for char in latin) < letters:
        plain = f"{plain[:24].strip('-')}-{sha256(name.encode()).hexdigest()[:6]}"
    return plain


def _text(row: Row, column: str) -> str:
    return (row[column] or "").strip()


def _check_columns(rows: Sequence[Row], mapping: ReplayMapping) -> None:
    if not rows:
        raise PackError([PackFault("rows", "", "there is no row")])
    wanted = {name for name in mapping.columns.model_dump().values() if name is not None}
    wanted |= set(re.findall(r"\{([^{}]+)\}", mapping.text))
    allowed = ", ".join(str(name) for name in rows[0])
    missing = sorted(wanted - set(rows[0]))
    if missing:
        raise PackError([PackFault("rows", name, "there is no such column", allowed) for name in missing])


def _ground(
    sightings: Sequence[Sighting], mapping: ReplayMapping
) -> tuple[dict[str, list[Cell]], list[TownSeed]]:
    cells = cells_of_points(
        [found.point for found in sightings],
        [found.town for found in sightings],
        mapping.cells.duty,
        mapping.cells.margin_metres,
    )
    by_town: dict[str, list[Sighting]] = {town: [] for town in sorted({town for town, _ in cells})}
    for found in sightings:
        by_town.get(found.town, []).append(found)
    people = shares(mapping.district.population, [len(own) for own in by_town.values()])
    seeds = [
        TownSeed(
            town,
            f"{mapping.district.code}{number:03d}",
            own[0].name,
            own[0].name,
            _middle([found.point for found in own]),
            population,
        )
        for number, ((town, own), population) in enumerate(zip(by_town.items(), people, strict=True), start=1)
    ]
    shapes = [[shape for owner, shape in cells if owner == town] for town in by_town]
    counts = Counts(mapping.cells.duty, mapping.cells.communities, len(seeds))
    return layers_of(seeds, shapes, counts), seeds


def _middle(points: Sequence[Point]) -> Point:
    return (
        round(sum(lon for lon, _ in points) / len(points), 6),
        round(sum(lat for _, lat in points) / len(points), 6),
    )


def _district(mapping: ReplayMapping, departments: Mapping[str, Any]) -> dict[str, Any]:
    """The district; every department has a squad in every town."""
    district = mapping.district
    units = {
        id: {"name": department["name"], "department": id, "handlers": mapping.handlers, "language": "en"}
        for id, department in departments.items()
    }
    return {
        "id": district.id,
        "code": district.code,
        "name": district.name.model_dump(),
        "zone": district.zone,
        "email_domain": f"{district.id}.example",
        "calendar": mapping.calendar.model_dump(),
        "layers": [
            {"id": layer, "name": name, "file": f"grids/{layer}.geojson"} for layer, name in LAYERS.items()
        ],
        "town": {"staff": mapping.staff.model_dump(), "units": units},
    }


def _departments(rows: Sequence[Row], mapping: ReplayMapping) -> dict[str, Any]:
    names: dict[str, str] = {}
    for row in rows:
        named = _text(row, mapping.columns.department)
        name = mapping.same_department.get(named, named)
        if name:
            names.setdefault(slug(name), name)
    return {id: {"name": {"zh": name, "en": name}} for id, name in sorted(names.items())}


def _mandates(departments: Iterable[str]) -> dict[str, Any]:
    """Every department lets every town command its squad: the rows say nothing else."""
    return {
        id: {"department": id, "kind": "entrusted", "legal_basis": "assumed for the replay"}
        for id in departments
    }


def _matters(rows: Sequence[Row], mapping: ReplayMapping) -> dict[str, Any]:
    """One matter for each request type, numbered in the order of their names; with its usual department."""
    usual: dict[str, Counter[str]] = {}
    for row in rows:
        type = _text(row, mapping.columns.matter)
        if type and _text(row, mapping.columns.department):
            usual.setdefault(type, Counter())[department_of(row, mapping)] += 1
    return {
        f"x-{mapping.district.id}:sr:{number:05d}": {
            "name": {"zh": type, "en": type},
            "department": min(usual[type], key=lambda id: (-usual[type][id], id)),
            "limits": mapping.limits.model_dump(),
            "keywords": {"en": [type.partition("-")[2].strip().lower() or type.lower()]},
            "source": "assumed",
        }
        for number, type in enumerate(sorted(usual), start=1)
    }


def _town(town: TownSeed) -> dict[str, Any]:
    return {
        "id": town.id,
        "code": town.code,
        "name": {"zh": town.name_zh, "en": town.name_en},
        "centre": list(town.centre),
        "population": town.population,
    }


def _write(path: Path, table: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(to_toml(table), encoding="utf-8")
