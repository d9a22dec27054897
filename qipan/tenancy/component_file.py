"""components.csv: a town's components, and what can be wrong with them."""

import csv
import math
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from qipan.tenancy.faults import PackFault
from qipan.territory import Territory
from qipan.territory.components import Component

COLUMNS = ("id", "matter", "lon", "lat", "name_zh", "name_en", "owner")
OPTIONAL = ("synthetic",)
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
_TRUTHS = {"": False, "false": False, "true": True}


@dataclass(frozen=True, slots=True)
class ComponentRow:
    """A component and the line of the file it stands on."""

    file: str
    line: int
    component: Component


def read(root: Path, file: str, town: str) -> tuple[list[ComponentRow], list[PackFault]]:
    """The rows of a file, and what is wrong with those that cannot be read. No file has no rows."""
    try:
        with (root / file).open(encoding="utf-8-sig", newline="") as lines:
            return _rows(file, town, csv.DictReader(lines, strict=True))
    except FileNotFoundError:
        return [], []
    except OSError as error:
        return [], [PackFault(file, "", f"cannot be read: {error.strerror}")]
    except (UnicodeDecodeError, csv.Error) as error:
        return [], [PackFault(file, "", f"is not CSV in UTF-8: {error}")]


def _rows(file: str, town: str, reader: "csv.DictReader[str]") -> tuple[list[ComponentRow], list[PackFault]]:
    header = list(reader.fieldnames or ())
    faults = [
        PackFault(file, name, "the column is missing", ", ".join(COLUMNS))
        for name in COLUMNS
        if name not in header
    ]
    faults += [
        PackFault(file, str(name), "there is no such column", ", ".join((*COLUMNS, *OPTIONAL)))
        for name in header
        if name not in (*COLUMNS, *OPTIONAL)
    ]
    if faults:
        return [], faults
    rows: list[ComponentRow] = []
    for raw in reader:
        wrong, component = _component(raw, town)
        faults += [PackFault(file, f"line {reader.line_num}.{key}", what, fit) for key, what, fit in wrong]
        if component is not None:
            rows.append(ComponentRow(file, reader.line_num, component))
    return rows, faults


def _component(
    raw: Mapping[str | None, str | None], town: str
) -> tuple[list[tuple[str, str, str]], Component | None]:
    values = {name: (raw.get(name) or "").strip() for name in (*COLUMNS, *OPTIONAL)}
    wrong: list[tuple[str, str, str]] = []
    if None in raw or any(raw.get(name) is None for name in COLUMNS):
        wrong.append(("(line)", "has another number of columns than the header", ""))
    if not _ID.fullmatch(values["id"]):
        wrong.append(("id", f"{values['id']!r} is no id", "letters, digits, . _ and -, 40 at most"))
    wrong += [(name, "is missing", "text") for name in ("name_zh", "name_en") if not values[name]]
    lon, lat = _number(values["lon"], 180), _number(values["lat"], 90)
    wrong += [
        (name, f"{values[name]!r} is no degree", f"−{most} to {most}")
        for name, value, most in (("lon", lon, 180), ("lat", lat, 90))
        if value is None
    ]
    synthetic = _TRUTHS.get(values["synthetic"].lower())
    if synthetic is None:
        wrong.append(("synthetic", f"{values['synthetic']!r} is neither", "true or false"))
    if wrong or lon is None or lat is None or synthetic is None:
        return wrong, None
    return [], Component(
        id=values["id"],
        town=town,
        matter=values["matter"],
        lon=lon,
        lat=lat,
        name_zh=values["name_zh"],
        name_en=values["name_en"],
        owner=values["owner"],
        synthetic=synthetic,
    )


def _number(text: str, most: float) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and abs(value) <= most else None


def check(
    rows: Collection[ComponentRow],
    towns: Territory,
    departments: Collection[str],
    matters: Mapping[str, Collection[str]],
) -> Iterator[PackFault]:
    """Ids given twice, unknown matters and departments, and points outside the town. `matters`: by town."""
    first: dict[str, ComponentRow] = {}
    for row in rows:
        component, where = row.component, f"line {row.line}"
        other = first.setdefault(component.id, row)
        if other is not row:
            what = f"{component.id!r} is in {other.file}, line {other.line} too"
            yield PackFault(row.file, f"{where}.id", what, "one id in the whole district")
        if component.matter not in matters.get(component.town, ()):
            what = f"{component.town} knows no matter {component.matter!r}"
            yield PackFault(row.file, f"{where}.matter", what, "a code of matters.toml or the town's own")
        if component.owner not in departments:
            what = f"there is no department {component.owner!r}"
            yield PackFault(row.file, f"{where}.owner", what, ", ".join(sorted(departments)))
        there = towns.locate(*component.point)
        if there is None or there.town != component.town:
            what = "lies outside every town" if there is None else f"lies in {there.town!r}"
            yield PackFault(row.file, f"{where}.lon, lat", what, f"a place in {component.town}")
