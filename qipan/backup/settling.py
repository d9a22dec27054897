"""Whether what was on its way before a moment has been handled, told from looks at the queues. Pure.

A message whose handling fails goes back and forth between its service's queue and the service's wait queues, and each
of them is empty while it is in another. So a service's queues are a family, judged as one.
"""

import re
from collections import defaultdict
from collections.abc import Mapping

from qipan.messaging import topology

_FAMILY = re.compile(r"[^.@]+")


def waits(queue: str) -> bool:
    """Whether messages sit out a delay there, before another attempt."""
    return ".wait." in queue


class Settling:
    """Services that have not been seen to have handled what is older than the first look.

    One has, when all its queues were empty in two looks `apart` seconds from one another and nothing of its waited for
    another attempt in any look between. A message that is alive in both would have been between two attempts both
    times; each waits longer than the one before, and the second too long to be overlooked. The queue of the dead
    letters is judged the same way after all others, because what they give up comes there.
    """

    def __init__(self, apart: float) -> None:
        self._apart = apart
        self._left: dict[str, tuple[str, ...]] | None = None
        self._empty_since: dict[str, float] = {}

    def look(self, lengths: Mapping[str, int], now: float) -> None:
        """Take in how many messages each queue held `now`, in seconds of any clock that only goes forward."""
        families = _families(lengths)
        if self._left is None:
            self._left = {family: tuple(queues) for family, queues in families.items()}
        for family in sorted(self._left, key=topology.DEAD.__eq__):
            if family == topology.DEAD and len(self._left) > 1:
                break
            full = tuple(name for name in families.get(family, ()) if lengths[name])
            if full:
                self._left[family] = full
            if any(map(waits, full)):
                self._empty_since.pop(family, None)
            elif not full and now - self._empty_since.setdefault(family, now) >= self._apart:
                del self._left[family]

    @property
    def left(self) -> tuple[str, ...]:
        """The queues that may still hold something older; the dead letters' when there is no other."""
        left = self._left or {}
        named = [family for family in left if family != topology.DEAD] or left
        return tuple(sorted(queue for family in named for queue in left[family]))


def _families(lengths: Mapping[str, int]) -> Mapping[str, list[str]]:
    """Each service's queues, the core's, the tenants' own and those that wait."""
    found = defaultdict(list)
    for name in lengths:
        if family := _FAMILY.match(name):
            found[family[0]].append(name)
    return found
