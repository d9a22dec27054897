"""How long nothing came: the longest time between two of a kind, over all and by what was going on."""

import threading
from dataclasses import dataclass, field


@dataclass
class Gaps:
    """`now` is monotonic seconds; `phase` is what goes on, and a gap belongs to that in which it ends."""

    phase: str = ""
    longest: dict[str, float] = field(default_factory=dict)
    count: int = 0
    _last: float | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def mark(self, now: float) -> None:
        """One came."""
        with self._lock:
            if self._last is not None:
                self.longest[self.phase] = max(self.longest.get(self.phase, 0.0), now - self._last)
            self._last = now
            self.count += 1

    def figures(self) -> dict[str, float]:
        """Phase → seconds."""
        with self._lock:
            return {phase: round(seconds, 1) for phase, seconds in sorted(self.longest.items())}

    @property
    def most(self) -> float:
        """The longest of all, in seconds."""
        return max(self.figures().values(), default=0.0)
