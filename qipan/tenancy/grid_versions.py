"""The versions of a grid layer: files beside each other, each holding from its day on until the next one's.

`grids/duty.geojson` holds from the beginning, `grids/duty.2026-07-01.geojson` from that day's midnight in the
district's zone. A version is the whole layer; what has begun is never changed, so that a case keeps the cells
of its day.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path, PurePosixPath

from qipan.territory.cell import Cell

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True, slots=True)
class Version:
    """One file of a layer (relative to the pack), the day it begins (None: always), and its cells as written."""

    file: str
    begins: date | None
    cells: tuple[Cell, ...]


def version_file(file: str, begins: date) -> str:
    """Where the version of a layer's `file` lies that begins on a day."""
    path = PurePosixPath(file)
    return str(path.with_name(f"{path.stem}.{begins.isoformat()}{path.suffix}"))


def version_files(root: Path, file: str) -> tuple[list[tuple[str, date]], list[str]]:
    """The files of a layer's later versions with the days they begin, in order; and those whose day is none."""
    path = PurePosixPath(file)
    dated, wrong = [], []
    for found in sorted((root / path.parent).glob(f"{path.stem}.*{path.suffix}")):
        day = found.name.removeprefix(f"{path.stem}.").removesuffix(path.suffix)
        if not _DAY.fullmatch(day):
            continue
        name = str(path.with_name(found.name))
        try:
            dated.append((name, date.fromisoformat(day)))
        except ValueError:
            wrong.append(name)
    return dated, wrong


def in_force(versions: Sequence[Version]) -> tuple[Cell, ...]:
    """All versions' cells with the days on which they hold: a version ends when the next one begins."""
    cells: list[Cell] = []
    ends = [version.begins for version in versions[1:]] + [None]
    for version, end in zip(versions, ends, strict=True):
        for cell in version.cells:
            begins = _later(cell.valid_from, version.begins)
            until = _earlier(cell.valid_until, end)
            if begins is None or until is None or begins < until:
                cells.append(replace(cell, valid_from=begins, valid_until=until))
    return tuple(cells)


def _later(one: date | None, other: date | None) -> date | None:
    return max((day for day in (one, other) if day is not None), default=None)


def _earlier(one: date | None, other: date | None) -> date | None:
    return min((day for day in (one, other) if day is not None), default=None)
