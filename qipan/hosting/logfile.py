"""Process logs that do not fill the disk: one file, and one older one beside it."""

import os
import shutil
from pathlib import Path

LARGEST = 20_000_000
"""Bytes. A log that grows beyond is moved to `<name>.1`; so a process takes at most about twice that."""


def keep_small(path: Path) -> None:
    """Move a log that has grown too large aside. Its writer appends, so it goes on at the new beginning."""
    try:
        if path.stat().st_size <= LARGEST:
            return
    except FileNotFoundError:
        return
    shutil.copyfile(path, path.with_name(path.name + ".1"))
    os.truncate(path, 0)


def tail(path: Path, lines: int) -> str:
    """The last lines, at most 256 kB of them. FileNotFoundError when there is no such log."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - 256 * 1024))
        return "\n".join(file.read().decode(errors="replace").splitlines()[-lines:])
