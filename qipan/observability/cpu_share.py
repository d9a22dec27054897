"""The CPU time of one thread of this process, a green one, too.

Green threads share one thread of the system, so the kernel's books cannot tell them apart: here their switches are
watched, which costs a fraction of a microsecond each.
"""

import time

import greenlet


class CpuShare:
    """Counts for the thread that calls `begin`, from then on."""

    def __init__(self) -> None:
        self._seconds = 0.0
        self._since = 0.0
        self._mine: greenlet.greenlet | None = None

    def begin(self) -> None:
        """Count what the calling thread uses. One share a process: it watches every switch there."""
        self._mine = greenlet.getcurrent()
        self._since = time.thread_time()
        greenlet.settrace(self._switched)

    @property
    def seconds(self) -> float:
        """CPU seconds up to the thread's last switch to another, or to now for the thread itself."""
        running = greenlet.getcurrent() is self._mine
        return self._seconds + (time.thread_time() - self._since if running else 0.0)

    def _switched(self, event: str, between: tuple[object, object]) -> None:
        origin, target = between
        if origin is self._mine:
            self._seconds += time.thread_time() - self._since
        elif target is self._mine:
            self._since = time.thread_time()
