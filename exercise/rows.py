"""How a row of somebody else's file becomes a report, and which rows cannot become one."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from qipan.tenancy.mapping import ReplayMapping

Row = Mapping[str, str | None]

_COLUMN = re.compile(r"\{([^{}]+)\}")


@dataclass(frozen=True, slots=True)
class Line:
    """A row that can be sent: its line in the file, its key, and the report's form."""

    line: int
    key: str
    form: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Unusable:
    """A row that cannot become a report: its line, its key where it has one, a stable reason."""

    line: int
    key: str
    reason: str


class Translator:
    """Turns rows into report forms, in the order of the file.

    A row whose id an earlier row had is refused (`duplicate-row`): every row ends in exactly one way.
    `codes`: the file's word for a matter → the district's code; a word without one is sent as text alone.
    Whether a place lies in the district is for the district to say.
    """

    def __init__(self, mapping: ReplayMapping, codes: Mapping[str, str]) -> None:
        self._mapping, self._codes = mapping, codes
        self._keys: set[str] = set()

    def translate(self, line: int, row: Row) -> Line | Unusable:
        """One row, standing at `line` of its file."""
        columns = self._mapping.columns
        key = _cell(row, columns.id)
        if not key:
            return Unusable(line, "", "no-id")
        if key in self._keys:
            return Unusable(line, key, "duplicate-row")
        self._keys.add(key)
        lon, lat = _cell(row, columns.lon), _cell(row, columns.lat)
        if not lon or not lat:
            return Unusable(line, key, "no-coordinates")
        east, north = _number(lon), _number(lat)
        if east is None or north is None:
            return Unusable(line, key, "coordinates-not-numbers")
        matter = _cell(row, columns.matter)
        if not matter:
            return Unusable(line, key, "no-matter")
        form: dict[str, Any] = {
            "text": _COLUMN.sub(lambda found: _cell(row, found[1]), self._mapping.text),
            "lon": east,
            "lat": north,
            "channel": self._mapping.channels.get(_cell(row, columns.channel), self._mapping.default_channel),
        }
        if address := _cell(row, columns.address):
            form["address"] = address
        if code := self._codes.get(matter):
            form["matter"] = code
        return Line(line, key, form)


def _cell(row: Row, column: str | None) -> str:
    return (row.get(column) or "").strip() if column else ""


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
