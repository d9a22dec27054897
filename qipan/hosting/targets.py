"""Where Prometheus finds what runs on this machine: files in its own format under `<var>/run/`.

A scrape configuration that names them (`deploy/prometheus/beside-up.yml`) follows every start and stop.
"""

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

QIPAN = "targets-qipan.json"
BROKER = "targets-broker.json"


@dataclass(frozen=True, slots=True)
class Target:
    """One address to scrape, as host:port; `instance` is the process's id, `serves` what people call it."""

    address: str
    instance: str
    serves: str


def write(var: Path, name: str, targets: Iterable[Target]) -> None:
    """Replace the file whole: a reader never sees half of one."""
    file = var / "run" / name
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    groups = [
        {"targets": [each.address], "labels": {"instance": each.instance, "serves": each.serves}}
        for each in targets
    ]
    beside = file.with_suffix(".new")
    beside.write_text(json.dumps(groups, indent=1) + "\n")
    os.replace(beside, file)


def forget(var: Path, name: str) -> None:
    """Nothing of it runs any more."""
    (var / "run" / name).unlink(missing_ok=True)
