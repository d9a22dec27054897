"""A town comes into a district's pack, leaves it for an archive, and comes back."""

import io
import json
import os
import tempfile
import tomllib
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from qipan.tenancy.clocks import Clocks
from qipan.tenancy.faults import PackError, PackFault
from qipan.tenancy.grid_desk import GridDesk
from qipan.tenancy.grid_versions import version_file, version_files
from qipan.tenancy.new_town import NewTown, ground_of, town_files, towns_without_ground
from qipan.tenancy.pack_change import PackChange, change_pack, finish, tried
from qipan.tenancy.tenant import is_tenant_id
from qipan.territory.cell import TOWN_LAYER, Cell
from qipan.territory.geojson import GeoFault, read_cells, read_outline, write_cells

INDEX = "archive.json"
FORMAT = 1


class TownRefused(Exception):
    """The town cannot be added or removed as things are; the text says why and what would do."""


class TownDesk:
    """The towns of the pack in `root`. What an interrupted change left is made first. PackError when it is broken."""

    def __init__(self, root: Path, clocks: Clocks) -> None:
        finish(root)
        self._root = root
        self.desk = GridDesk(root, clocks)
        raw = tomllib.loads((root / "district.toml").read_text(encoding="utf-8"))
        self._layers: dict[str, str] = {layer["id"]: layer["file"] for layer in raw["layers"]}

    def has(self, town: str) -> bool:
        """Whether the pack has it."""
        return any(each.id == town for each in self.desk.district.towns)

    def add(self, town: NewTown, outline: Path, cells: Mapping[str, Path]) -> PackChange:
        """The change that adds it, tried in a copy of the pack. It has its ground from today on.

        PackError lists what would be wrong with the pack, or with the files; TownRefused when it is there already or
        a later version of the grids is published.
        """
        self._may_come(town.id)
        try:
            ground = read_outline(outline)
        except GeoFault as error:
            raise _of_geo(outline, error) from None
        given = {layer: self._given(layer, file, town.id) for layer, file in cells.items()}
        today = self.desk.today
        now = {layer: self.desk.cells_on(layer, today) for layer in self._layers}
        after = ground_of(self.desk.district, town, ground, now, given)
        if lost := towns_without_ground(now[TOWN_LAYER], after[TOWN_LAYER]):
            raise TownRefused(f"{outline} would leave no ground to {', '.join(lost)}: draw it smaller.")
        files = {f"towns/{town.id}/{name}": text.encode() for name, text in town_files(town, ground).items()}
        note = f"{town.id} from {outline.name}; what is labelled synthetic was derived from it."
        for layer, changed in after.items():
            plain = [replace(cell, valid_from=None, valid_until=None) for cell in changed]
            files[version_file(self._layers[layer], today)] = _written(plain, note)
        change = PackChange(files)
        tried(self._root, change)
        return change

    def remove(self, town: str, to: str) -> PackChange:
        """The change that takes a town out and makes its ground, in every version of the grids, `to`'s; tried.

        TownRefused when one of them is not there; PackError when something else in the pack needs the town.
        """
        for each in (town, to):
            if not self.has(each):
                raise TownRefused(f"There is no town {each!r} in the pack of {self.desk.district.id}.")
        if town == to:
            raise TownRefused("A town cannot be its own successor: name another with --to.")
        change = PackChange(
            self._given_over(lambda _layer, _code, whose: whose == town, to), (f"towns/{town}",)
        )
        tried(self._root, change)
        return change

    def archive(self, town: str, file: Path, beside: Mapping[str, Any]) -> None:
        """Write a town's folder, which cells are its, and what else is to be kept, into one file, at once and whole.

        Only its owner can read it: it may name people.
        """
        index = {
            "format": FORMAT,
            "district": self.desk.district.id,
            "town": town,
            "cells": {layer: self._codes(layer, town) for layer in self._layers},
            **beside,
        }
        folder = self._root / "towns" / town
        kept = io.BytesIO()
        with zipfile.ZipFile(kept, "w", zipfile.ZIP_DEFLATED) as out:
            out.writestr(INDEX, json.dumps(index, ensure_ascii=False, indent=1))
            for path in sorted(folder.rglob("*")):
                if path.is_file() and "__pycache__" not in path.parts:
                    out.write(path, f"town/{path.relative_to(folder)}")
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=file.parent, delete=False) as new:
            new.write(kept.getvalue())
        os.replace(new.name, file)

    def restore(self, archive: "Archive") -> PackChange:
        """The change that brings a town back with the cells that were its, tried. TownRefused, PackError."""
        town, codes = archive.town, archive.cells
        if archive.district != self.desk.district.id:
            raise TownRefused(
                f"{archive.file} is of {archive.district}, this district is {self.desk.district.id}."
            )
        self._may_come(town)
        files = self._given_over(lambda layer, code, _: code in codes.get(layer, ()), town)
        files |= {f"towns/{town}/{name}": body for name, body in archive.files.items()}
        change = PackChange(files)
        tried(self._root, change)
        return change

    def make(self, change: PackChange) -> None:
        """Make a change that was tried."""
        change_pack(self._root, change)

    def _may_come(self, town: str) -> None:
        if self.has(town):
            raise TownRefused(f"The pack has {town!r} already.")
        if not is_tenant_id(town) or "~" in town:
            raise TownRefused(
                f"{town!r} is no name for a town: small letters, digits and hyphens, 2 to 31, a letter first."
            )
        for layer, file in self._layers.items():
            later = [day for _, day in version_files(self._root, file)[0] if day > self.desk.today]
            if later:
                raise TownRefused(
                    f"A version of {layer} is published that begins on {later[0]}, without {town}. "
                    "Wait until it has begun, or take it out of the pack."
                )

    def _given(self, layer: str, file: Path, town: str) -> list[Cell]:
        if layer not in self._layers:
            raise TownRefused(f"There is no layer {layer!r}. There are: {', '.join(self._layers)}.")
        try:
            cells = read_cells(file)
        except GeoFault as error:
            raise _of_geo(file, error) from None
        faults = [
            PackFault(str(file), cell.code, f"belongs to {cell.town!r}", town)
            for cell in cells
            if cell.town != town
        ]
        if faults or not cells:
            raise PackError(faults or [PackFault(str(file), "features", "there is no cell")])
        return cells

    def _codes(self, layer: str, town: str) -> list[str]:
        return sorted(
            {cell.code for cell in self.desk.district.territory.layers[layer].cells if cell.town == town}
        )

    def _given_over(self, moves: Callable[[str, str, str], bool], to: str) -> dict[str, bytes]:
        """Every file of the grids in which cells change hands, as it is then; `moves` gets layer, code and town."""
        files = {}
        for layer, base in self._layers.items():
            for name in (base, *(name for name, _ in version_files(self._root, base)[0])):
                collection = json.loads((self._root / name).read_bytes())
                theirs = [each["properties"] for each in collection["features"]]
                moved = [own for own in theirs if moves(layer, own["code"], own["town"])]
                for own in moved:
                    own["town"] = to
                if moved:
                    files[name] = _collection(collection)
        return files


class Archive:
    """A town's archive file, read. TownRefused when it is none."""

    def __init__(self, file: Path) -> None:
        self.file = file
        try:
            with zipfile.ZipFile(file) as kept:
                self.index: dict[str, Any] = json.loads(kept.read(INDEX))
                self.files = {
                    name.removeprefix("town/"): kept.read(name)
                    for name in kept.namelist()
                    if name.startswith("town/") and ".." not in Path(name).parts
                }
        except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
            raise TownRefused(f"{file} is no archive of a town: {error}") from None
        if self.index.get("format") != FORMAT:
            raise TownRefused(f"{file} is of a format that this version does not read.")
        self.town = str(self.index["town"])
        self.district = str(self.index["district"])
        self.cells: dict[str, list[str]] = self.index["cells"]

    @property
    def services(self) -> list[dict[str, Any]]:
        """The services that its pack names, as written."""
        found: list[dict[str, Any]] = tomllib.loads(self.files["town.toml"].decode()).get("services", [])
        return found


def _written(cells: Sequence[Cell], note: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "cells.geojson"
        write_cells(file, cells, note)
        return file.read_bytes()


def _collection(table: Mapping[str, Any]) -> bytes:
    """GeoJSON as `write_cells` writes it, a feature a line, with everything that it says."""
    head = {key: value for key, value in table.items() if key != "features"}
    lines = ",\n".join(_compact(feature) for feature in table["features"])
    return f'{_compact(head)[:-1]},"features":[\n{lines}\n]}}\n'.encode()


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _of_geo(file: Path, error: GeoFault) -> PackError:
    return PackError([PackFault(str(file), where, what) for where, what in error.faults])
