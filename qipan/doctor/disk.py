"""Room on the disks that Qipan writes to."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from qipan.doctor.finding import Finding, fault, ok, warning
from qipan.tenancy.words import Words

AREA = "disk"
LITTLE, SCARCE = 0.15, 0.05
"""Parts of a disk that are free: below the first it is time to act, below the second it is late."""
SCARCE_BYTES = 512 * 1024**2

Usage = Callable[[Path], tuple[int, int, int]]


def look(places: Mapping[str, Path], usage: Usage = shutil.disk_usage) -> Sequence[Finding]:
    """How much room is left where `places` (what lies there → where) are."""
    found = []
    for what, place in places.items():
        there = next((each for each in (place, *place.parents) if each.exists()), Path("/"))
        total, _, free = usage(there)
        part, megabytes = free / max(total, 1), free // 1024**2
        zh = f"{what}({there})剩余 {megabytes} MB,{part:.0%}"
        en = f"{what} ({there}): {megabytes} MB free, {part:.0%}"
        do = Words(
            "腾出空间或扩大磁盘;见 docs/operate/doctor.md",
            "make room or enlarge the disk; see docs/operate/doctor.md",
        )
        if part < SCARCE or free < SCARCE_BYTES:
            found.append(fault(AREA, Words(zh, en), do))
        elif part < LITTLE:
            found.append(warning(AREA, Words(zh, en), do))
        else:
            found.append(ok(AREA, zh, en))
    return found
