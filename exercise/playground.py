"""A directory of one's own under `var/`, so that two runs on a machine never meet; nothing of it stays."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def playground(var: Path, name: str, *, keep: bool = False) -> Iterator[Path]:
    """`<var>/<name>-<process id>`, removed at the end unless `keep`; so are those of killed runs."""
    for left in var.glob(f"{name}-*"):
        number = left.name.removeprefix(f"{name}-")
        if number.isdigit() and not Path(f"/proc/{number}").exists():
            _remove(left)
    base = var / f"{name}-{os.getpid()}"
    base.mkdir(parents=True, exist_ok=True)
    try:
        yield base
    finally:
        if not keep:
            _remove(base)


def _remove(base: Path) -> None:
    data = base / "postgres" / "data"
    if data.is_symlink():  # the cluster's user could not reach `base`
        shutil.rmtree(data.resolve().parent, ignore_errors=True)
    shutil.rmtree(base, ignore_errors=True)
