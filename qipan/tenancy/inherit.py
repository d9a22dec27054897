"""How one town's pack starts from another's.

`inherits = "sandun"` means: everything Sandun's pack says holds here too, until this pack says otherwise.
Tables are merged key by key; every other value (lists too) is replaced whole. What makes a town itself is
never inherited: its id, code, name, centre, population and idea, its systems, and its services, because a
service is code that someone must run. Every town starts from the district's `[town]` table.
"""

from collections.abc import Mapping
from typing import Any

from qipan.tenancy.faults import PackFault

OWN = frozenset({"id", "code", "name", "centre", "population", "idea", "services", "systems", "inherits"})
"""Keys of a town's pack that another town does not inherit."""

Table = Mapping[str, Any]


def merged(under: Table, over: Table) -> dict[str, Any]:
    """`over` laid on `under`: tables key by key, everything else replaced."""
    result = dict(under)
    for key, value in over.items():
        below = result.get(key)
        result[key] = (
            merged(below, value) if isinstance(below, Mapping) and isinstance(value, Mapping) else value
        )
    return result


def lineage(town: str, packs: Mapping[str, Table]) -> tuple[str, ...]:
    """The town and whom it inherits from, nearest first. Stops before an unknown pack or a repeated one."""
    line = [town]
    while True:
        parent = packs[line[-1]].get("inherits")
        if not isinstance(parent, str) or parent not in packs or parent in line:
            return tuple(line)
        line.append(parent)


def inherited(town: str, packs: Mapping[str, Table], start: Table) -> dict[str, Any]:
    """The town's pack as it stands: the district's `start`, then its ancestors' packs, then its own."""
    line = lineage(town, packs)
    result = dict(start)
    for ancestor in reversed(line[1:]):
        result = merged(result, {key: value for key, value in packs[ancestor].items() if key not in OWN})
    return merged(result, packs[town])


def faults(packs: Mapping[str, Table], files: Mapping[str, str]) -> list[PackFault]:
    """Parents that do not exist, and circles."""
    found = []
    for town, pack in packs.items():
        parent = pack.get("inherits")
        if not isinstance(parent, str):
            continue
        if parent not in packs:
            allowed = ", ".join(sorted(set(packs) - {town}))
            found.append(PackFault(files[town], "inherits", f"there is no town {parent!r}", allowed))
        elif (circle := _circle(town, packs)) is not None:
            found.append(PackFault(files[town], "inherits", f"goes round in a circle: {' → '.join(circle)}"))
    return found


def _circle(town: str, packs: Mapping[str, Table]) -> tuple[str, ...] | None:
    line = lineage(town, packs)
    back = packs[line[-1]].get("inherits")
    return (*line, town) if back == town else None
