"""A change of several of a pack's files that is tried in a copy first, and then made whole.

It is kept beside the pack's files before the first of them is touched: whoever is interrupted goes on from there.
"""

import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from qipan.tenancy.district import District
from qipan.tenancy.pack import load_district

PENDING = ".change"
_GONE = "gone.json"
_FILES = "files"


@dataclass(frozen=True)
class PackChange:
    """Files to be written and folders to be taken out, all relative to the pack."""

    files: Mapping[str, bytes] = field(default_factory=dict)
    gone: tuple[str, ...] = ()


def tried(root: Path, change: PackChange) -> District:
    """The pack as it would be; PackError lists everything that would be wrong with it."""
    with tempfile.TemporaryDirectory() as folder:
        there = Path(folder) / root.name
        for name in _names(root):
            if name not in change.files and not _below(name, change.gone):
                target = there / name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.symlink_to((root / name).resolve())
        _write(there, change.files)
        return load_district(there)


def change_pack(root: Path, change: PackChange) -> None:
    """Make the change. From the moment it is noted it will be made, by this process or by `finish`."""
    finish(root)
    beside = root / f"{PENDING}.new"
    shutil.rmtree(beside, ignore_errors=True)
    (beside / _FILES).mkdir(parents=True)
    _write(beside / _FILES, change.files)
    (beside / _GONE).write_text(json.dumps(change.gone))
    os.replace(beside, root / PENDING)
    finish(root)


def finish(root: Path) -> bool:
    """Make what is left of a change that was interrupted; whether there was one."""
    pending = root / PENDING
    if not pending.is_dir():
        return False
    for folder in json.loads((pending / _GONE).read_text()):
        shutil.rmtree(root / folder, ignore_errors=True)
    noted = pending / _FILES
    for name in _names(noted):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        os.replace(noted / name, root / name)
    shutil.rmtree(pending)
    return True


def _write(root: Path, files: Mapping[str, bytes]) -> None:
    for name, body in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(body)


def _names(root: Path) -> list[str]:
    """Every file of a pack, relative to it, without what a change keeps there."""
    found = [str(path.relative_to(root)) for path in sorted(root.rglob("*")) if path.is_file()]
    return [name for name in found if not name.startswith(PENDING) and "__pycache__" not in name]


def _below(name: str, folders: Iterable[str]) -> bool:
    return any(name == folder or name.startswith(f"{folder}/") for folder in folders)
