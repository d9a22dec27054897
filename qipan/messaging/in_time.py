"""An end to what takes too long among a process's greenlets, whatever it waits for."""

from collections.abc import Iterator
from contextlib import contextmanager

import eventlet


@contextmanager
def in_time(seconds: float, late: Exception) -> Iterator[None]:
    """Raise `late` once the block has taken so long. It is broken off where it waits, never between two waits."""
    timer = eventlet.Timeout(seconds)
    try:
        yield
    except eventlet.Timeout as over:
        if over is not timer:
            raise
        raise late from None
    finally:
        timer.cancel()
