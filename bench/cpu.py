"""CPU time by layer, read from the kernel's own books."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Layers:
    """The root processes of each layer; their descendants, also those that ended, count with them."""

    roots: Mapping[str, tuple[int, ...]]

    def read(self) -> dict[str, float]:
        """CPU seconds used so far by each layer."""
        children = _children()
        return {layer: sum(_tree(pid, children) for pid in pids) for layer, pids in self.roots.items()}


def spent(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    """CPU seconds by layer between two readings."""
    return {layer: after[layer] - before.get(layer, 0.0) for layer in after}


def _tree(pid: int, children: Mapping[int, Iterable[int]]) -> float:
    """A process with its descendants: what they use, and what ended and reaped children had used."""
    return _ticks(pid) / _TICK + sum(_tree(child, children) for child in children.get(pid, ()))


def _children() -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            fields = _stat(int(entry))
            if fields:
                found.setdefault(int(fields[1]), []).append(int(entry))
    return found


def _ticks(pid: int) -> int:
    fields = _stat(pid)
    return sum(int(fields[n]) for n in (11, 12, 13, 14)) if fields else 0


def _stat(pid: int) -> list[str]:
    """The fields after the command's name: state, ppid, … utime, stime, cutime, cstime at 11 to 14."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []
