"""Reading a district's pack: a folder of TOML files and grids. Every fault is found before any is raised."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from qipan.tenancy import component_file, inherit
from qipan.tenancy.check import check
from qipan.tenancy.component_file import ComponentRow
from qipan.tenancy.district import District
from qipan.tenancy.faults import PackError, PackFault, of_validation
from qipan.tenancy.gazetteer_file import GazetteerFile
from qipan.tenancy.grid_versions import Version, in_force, version_files
from qipan.tenancy.model import (
    DepartmentFile,
    DepartmentsFile,
    DistrictFile,
    MandatesFile,
    MattersFile,
    Model,
    TownFile,
)
from qipan.tenancy.resolve import Files, resolve
from qipan.territory.cell import Cell
from qipan.territory.geojson import GeoFault, read_cells

MANDATES = "mandates.toml"

File = TypeVar("File", bound=Model)
Table = Mapping[str, Any]


def load_district(root: Path) -> District:
    """Read the pack in `root`; PackError lists everything that is wrong with it."""
    reader = _Reader(root)
    files = reader.read()
    if files is None:
        raise PackError(reader.faults)
    faults = reader.faults + check(files, reader.origin)
    if faults:
        raise PackError(faults)
    return resolve(files)


@dataclass
class _Reader:
    """Collects faults while it reads. `towns`, `start` (what towns begin with), `matters`: as written."""

    root: Path
    faults: list[PackFault] = field(default_factory=list)
    towns: dict[str, Table] = field(default_factory=dict)
    start: Table = field(default_factory=dict)
    matters: Table = field(default_factory=dict)

    def read(self) -> Files | None:
        """All files, or None where too little could be read to look further."""
        district = self._file("district.toml", DistrictFile)
        self.start = district.town if district else {}
        matters_raw = self._toml("matters.toml")
        self.matters = matters_raw or {}
        matters = self._model("matters.toml", matters_raw, MattersFile)
        departments = self._file("departments.toml", DepartmentsFile)
        towns_raw = self._folder("towns", "town.toml")
        self.towns = dict(sorted(towns_raw.items(), key=lambda item: (str(item[1].get("code")), item[0])))
        self.faults += inherit.faults(self.towns, {id: town_file(id) for id in self.towns})
        towns = {id: self._town(id) for id in self.towns}
        own = {
            id: self._model(f"departments/{id}/department.toml", raw, DepartmentFile)
            for id, raw in self._folder("departments", "department.toml").items()
        }
        versions = {layer.id: self._versions(layer.file) for layer in district.layers} if district else {}
        gazetteers = {
            file: gazetteer
            for file in ("gazetteer.toml", *(f"towns/{id}/gazetteer.toml" for id in self.towns))
            if (self.root / file).exists() and (gazetteer := self._file(file, GazetteerFile)) is not None
        }
        mandates = self._file(MANDATES, MandatesFile) if (self.root / MANDATES).exists() else None
        components = [row for id in self.towns for row in self._components(id)]
        if district is None or matters is None or departments is None:
            return None
        return Files(
            root=self.root,
            district=district,
            departments=departments.departments,
            matters=matters.matters,
            towns={id: town for id, town in towns.items() if town is not None},
            own_departments={id: file for id, file in own.items() if file is not None},
            lineages={id: inherit.lineage(id, self.towns) for id in self.towns},
            versions=versions,
            cells={layer: in_force(own) for layer, own in versions.items()},
            gazetteers=gazetteers,
            components=tuple(components),
            mandates=mandates.mandates if mandates else {},
        )

    def origin(self, town: str, key: tuple[str, ...]) -> tuple[str, str]:
        """The file a town has a key from, and the key there: its own pack, an ancestor's, the district's.

        A key that is missing is missing where most of the way to it was written.
        """
        if key[0] in inherit.OWN:
            return town_file(town), ".".join(key)
        sources = [(town_file(id), self.towns[id], key) for id in inherit.lineage(town, self.towns)]
        sources.append(("district.toml", self.start, ("town", *key)))
        sources.append(("matters.toml", self.matters, key))
        file, _, there = max(sources, key=lambda source: _known(source[1], key))
        return file, ".".join(there)

    def _town(self, id: str) -> TownFile | None:
        pack = inherit.inherited(id, self.towns, self.start)
        changed, district = pack.get("matters"), self.matters.get("matters")
        if isinstance(changed, Mapping) and isinstance(district, Mapping):
            # Only the matters that differ here: the others hold as they are, however many towns there are.
            begun = {code: district[code] for code in changed if code in district}
            pack["matters"] = inherit.merged(begun, changed)
        try:
            return TownFile.model_validate(pack)
        except ValidationError as error:
            self.faults += of_validation(error, lambda key: self.origin(id, key))
            return None

    def _components(self, town: str) -> list[ComponentRow]:
        rows, faults = component_file.read(self.root, f"towns/{town}/components.csv", town)
        self.faults += faults
        return rows

    def _versions(self, file: str) -> tuple[Version, ...]:
        dated, wrong = version_files(self.root, file)
        self.faults += [PackFault(name, "", "is named after no day", "<layer>.YYYY-MM-DD") for name in wrong]
        files = [(file, None), *dated]
        return tuple(Version(name, begins, self._cells(name)) for name, begins in files)

    def _cells(self, file: str) -> tuple[Cell, ...]:
        try:
            return tuple(read_cells(self.root / file))
        except GeoFault as error:
            self.faults += [PackFault(file, where, what) for where, what in error.faults]
            return ()

    def _folder(self, folder: str, file: str) -> dict[str, Table]:
        found: dict[str, Table] = {}
        for path in sorted((self.root / folder).glob(f"*/{file}")):
            name = path.parent.name
            raw = self._toml(f"{folder}/{name}/{file}")
            if raw is None:
                continue
            if raw.get("id") != name:
                self.faults.append(
                    PackFault(f"{folder}/{name}/{file}", "id", "must be the folder's name", name)
                )
            found[name] = raw
        return found

    def _file(self, file: str, model: type[File]) -> File | None:
        return self._model(file, self._toml(file), model)

    def _model(self, file: str, raw: Table | None, model: type[File]) -> File | None:
        if raw is None:
            return None
        try:
            return model.model_validate(raw)
        except ValidationError as error:
            self.faults += of_validation(error, lambda key: (file, ".".join(key)))
            return None

    def _toml(self, file: str) -> dict[str, Any] | None:
        try:
            return tomllib.loads((self.root / file).read_text(encoding="utf-8"))
        except OSError as error:
            self.faults.append(PackFault(file, "", f"cannot be read: {error.strerror}"))
        except UnicodeDecodeError:
            self.faults.append(PackFault(file, "", "is not UTF-8"))
        except tomllib.TOMLDecodeError as error:
            self.faults.append(PackFault(file, "", f"is not TOML: {error}"))
        return None


def town_file(town: str) -> str:
    """Where a town's pack is written."""
    return f"towns/{town}/town.toml"


def _known(table: Table, key: tuple[str, ...]) -> int:
    """How many parts of a key are written in a file's table."""
    here: Any = table
    for depth, part in enumerate(key):
        if not isinstance(here, Mapping) or part not in here:
            return depth
        here = here[part]
    return len(key)
