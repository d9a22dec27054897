"""Changing a pack's grids: a new version is drafted, looked at, and published; what has begun stays as it is."""

import json
import os
import tempfile
import tomllib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy
import shapely

from qipan.tenancy.clocks import Clocks
from qipan.tenancy.district import District
from qipan.tenancy.faults import PackError, PackFault
from qipan.tenancy.grid_versions import version_file, version_files
from qipan.tenancy.pack import load_district
from qipan.territory.cell import TOWN_LAYER, Cell, holding
from qipan.territory.coordinates import System, to_wgs84
from qipan.territory.geojson import GeoFault, read_cells, write_cells
from qipan.territory.partition import Area
from qipan.territory.seams import Seam, SeamKind, seams

DRAFTS = "drafts"
SEAM_SQUARE_METRES = 1.0


class GridRefused(Exception):
    """The grid cannot be taken as it is; the text says why and what would do. `seams`: where it does not fit."""

    def __init__(self, why: str, found: Sequence[Seam] = ()) -> None:
        self.seams = tuple(found)
        super().__init__(why)


@dataclass(frozen=True, slots=True)
class Listed:
    """A version as a list shows it."""

    layer: str
    file: str
    begins: date | None
    draft: bool


class GridDesk:
    """The grids of the pack in `root`; `today` is the district's day by its clock.

    PackError when the pack is broken.
    """

    def __init__(self, root: Path, clocks: Clocks) -> None:
        self.district: District = load_district(root)
        self.today = clocks.now(self.district.id).astimezone(ZoneInfo(self.district.zone)).date()
        self._root = root
        raw = tomllib.loads((root / "district.toml").read_text(encoding="utf-8"))
        self._files: dict[str, str] = {layer["id"]: layer["file"] for layer in raw["layers"]}

    def versions(self) -> list[Listed]:
        """Every layer's versions, those that are published before the drafts."""
        found = []
        for layer, file in self._files.items():
            found.append(Listed(layer, file, None, draft=False))
            for draft, base in ((False, file), (True, _draft_of(file))):
                found += [Listed(layer, name, day, draft) for name, day in version_files(self._root, base)[0]]
        return found

    def cells_on(self, layer: str, day: date) -> list[Cell]:
        """The cells of a layer that hold on a day. GridRefused when there is no such layer."""
        self._file(layer)
        return [cell for cell in self.district.territory.layers[layer].cells if holding(cell, day)]

    def seams(
        self, layer: str, cells: Sequence[Cell], day: date, tolerance: float | None = None
    ) -> list[Seam]:
        """Where these cells would not fit on that day; `tolerance` in m² instead of the pack's setting."""
        if tolerance is None:
            default = SEAM_SQUARE_METRES
            tolerance = self.district.setting(self.district.id, "grids.seam-square-metres", default)
        if layer == TOWN_LAYER:
            # Towns divide the district among themselves: a border between two of them may move.
            before = [cell.shape for cell in self.cells_on(TOWN_LAYER, self.today)]
            whole = {self.district.id: shapely.union_all(before)}
            return seams([replace(cell, town=self.district.id) for cell in cells], whole, tolerance)
        ground: dict[str, list[Area]] = {}
        for cell in self.cells_on(TOWN_LAYER, day):
            ground.setdefault(cell.town, []).append(cell.shape)
        return seams(cells, {town: shapely.union_all(parts) for town, parts in ground.items()}, tolerance)

    def draft(
        self,
        layer: str,
        source: Path,
        begins: date | None = None,
        *,
        town: str | None = None,
        system: System = System.WGS84,
        tolerance: float | None = None,
        allow: Collection[SeamKind] = (),
    ) -> tuple[str, list[Seam]]:
        """Write a draft of a layer's next version from a GeoJSON file; its file, and the seams allowed.

        It begins tomorrow unless a day is given. With `town` the file holds that town's cells alone; the others'
        stay as they are. GridRefused, and nothing is written, when the cells have faults or do not fit.
        """
        day = self.today + timedelta(days=1) if begins is None else begins
        file = self._file(layer)
        self._may_begin(file, day)
        cells = self._read(source, town)
        if system is not System.WGS84:
            cells = [replace(cell, shape=_converted(cell.shape, system)) for cell in cells]
        if town is not None:
            cells += [
                replace(cell, valid_from=None, valid_until=None)
                for cell in self.cells_on(layer, day)
                if cell.town != town
            ]
        cells.sort(key=lambda cell: cell.code)
        found = self._fitting(layer, cells, day, tolerance, allow)
        drafted = self._root / _draft_of(version_file(file, day))
        drafted.parent.mkdir(exist_ok=True)
        beside = drafted.with_suffix(".tmp")
        write_cells(beside, cells, _note(source))
        os.replace(beside, drafted)
        return str(drafted.relative_to(self._root)), found

    def read(self, name: str) -> list[Cell]:
        """The cells of a version: a layer (what holds today), a version or draft of it, or a file elsewhere."""
        if name in self._files:
            return self.cells_on(name, self.today)
        for listed in self.versions():
            if name in (listed.file, Path(listed.file).name.removesuffix(".geojson")):
                if listed.begins is None or listed.draft:
                    return _cells(self._root / listed.file)
                return self.cells_on(listed.layer, listed.begins)
        if Path(name).exists():
            return _cells(Path(name))
        known = ", ".join(Path(each.file).name.removesuffix(".geojson") for each in self.versions())
        raise GridRefused(f"There is no version and no file {name!r}. There are: {known}.")

    def publish(
        self, name: str, *, tolerance: float | None = None, allow: Collection[SeamKind] = ()
    ) -> tuple[str, date]:
        """Make a draft a version of the pack, at once and whole; its file and the day on which it begins.

        GridRefused when it begins in the past or before another version, does not fit, or would break the pack
        (PackError). Processes read it when they next start.
        """
        drafts = {each.file: each for each in self.versions() if each.draft}
        found = drafts.get(name) or next(
            (each for file, each in drafts.items() if Path(file).name.removesuffix(".geojson") == name), None
        )
        if found is None or found.begins is None:
            there = ", ".join(Path(file).name.removesuffix(".geojson") for file in drafts) or "none"
            raise GridRefused(f"There is no draft {name!r}. Drafts: {there}; `qipan grid import` makes one.")
        file = self._file(found.layer)
        self._may_begin(file, found.begins)
        draft = self._root / found.file
        self._fitting(found.layer, _cells(draft), found.begins, tolerance, allow)
        published = version_file(file, found.begins)
        self._try(draft, published)
        try:
            os.link(draft, self._root / published)  # appears whole, and never in place of another
        except FileExistsError:
            raise GridRefused(f"{published} is there already; a version is never replaced.") from None
        draft.unlink()
        return published, found.begins

    def _file(self, layer: str) -> str:
        if layer not in self._files:
            raise GridRefused(f"There is no layer {layer!r}. There are: {', '.join(self._files)}.")
        return self._files[layer]

    def _may_begin(self, file: str, day: date) -> None:
        if day < self.today:
            raise GridRefused(
                f"{day} has passed (today is {self.today}): cases keep the cells of their day. "
                "Let the version begin today or later."
            )
        newest = max((begins for _, begins in version_files(self._root, file)[0]), default=None)
        if newest is not None and day <= newest:
            raise GridRefused(f"A version beginning on {newest} is published; let this one begin after that.")

    def _read(self, source: Path, town: str | None) -> list[Cell]:
        cells = _cells(source)
        faults: list[PackFault] = []
        towns = [town] if town is not None else [each.id for each in self.district.towns]
        seen: set[str] = set()
        for cell in cells:
            if cell.town not in towns:
                what = f"belongs to {cell.town!r}"
                faults.append(PackFault(str(source), cell.code, what, ", ".join(towns)))
            if cell.code in seen:
                faults.append(PackFault(str(source), cell.code, "is there twice", "one cell of a code"))
            if cell.valid_from is not None or cell.valid_until is not None:
                faults.append(
                    PackFault(
                        str(source), cell.code, "has days of its own", "the version's day, --valid-from"
                    )
                )
            seen.add(cell.code)
        if not cells:
            faults.append(PackFault(str(source), "features", "there is no cell"))
        if faults:
            raise PackError(faults)
        return cells

    def _fitting(
        self,
        layer: str,
        cells: Sequence[Cell],
        day: date,
        tolerance: float | None,
        allow: Collection[SeamKind],
    ) -> list[Seam]:
        found = self.seams(layer, cells, day, tolerance)
        refused = [seam for seam in found if seam.kind not in allow]
        if refused:
            kinds = ", ".join(sorted({seam.kind for seam in refused}))
            raise GridRefused(
                f"The cells do not fit in {len(refused)} places ({kinds}). Mend the file, or take it as it is "
                f"with {' '.join(f'--allow {kind}' for kind in sorted({seam.kind for seam in refused}))}.",
                found,
            )
        return found

    def _try(self, draft: Path, published: str) -> None:
        """Read the pack as it would be; PackError."""
        with tempfile.TemporaryDirectory() as folder:
            there = Path(folder)
            for path in self._root.iterdir():
                if path.name != Path(published).parts[0]:
                    (there / path.name).symlink_to(path.resolve())
            for path in self._root.glob(f"{Path(published).parts[0]}/**/*"):
                target = there / path.relative_to(self._root)
                target.parent.mkdir(parents=True, exist_ok=True)
                if path.is_file():
                    target.symlink_to(path.resolve())
            (there / published).symlink_to(draft.resolve())
            load_district(there)


def _draft_of(file: str) -> str:
    path = Path(file)
    return str(path.parent / DRAFTS / path.name)


def _cells(path: Path) -> list[Cell]:
    try:
        return read_cells(path)
    except GeoFault as error:
        raise PackError([PackFault(str(path), where, what) for where, what in error.faults]) from None


def _converted(shape: Area, system: System) -> Area:
    return shapely.transform(
        shape, lambda points: numpy.array([to_wgs84(lon, lat, system) for lon, lat in points.tolist()])
    )


def _note(source: Path) -> str:
    note = json.loads(source.read_bytes()).get("note")
    return note if isinstance(note, str) else f"Imported from {source.name}."
