"""W3C trace context: one trace from the HTTP request through outbox, broker and inbox to the last consumer.

Only the `traceparent` text travels (https://www.w3.org/TR/trace-context/). What cannot be read is replaced by
a new trace, as the standard asks.
"""

import random
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_SHAPE = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_current: ContextVar[str | None] = ContextVar("qipan_traceparent", default=None)


def new() -> str:
    """A traceparent that begins a trace."""
    noise = f"{random.getrandbits(192):048x}"
    return f"00-{noise[:32]}-{noise[32:]}-01"


def child(parent: str | None) -> str:
    """A traceparent one step below `parent`, in the same trace; without a readable parent, a new one."""
    if parent is None or _SHAPE.fullmatch(parent) is None:
        return new()
    return f"{parent[:36]}{random.getrandbits(64):016x}{parent[52:]}"


def current() -> str | None:
    """The traceparent of the work being done right now, if any."""
    return _current.get()


def trace_id(traceparent: str | None) -> str | None:
    """The 32 digits that all steps of one trace share; None when there is no readable traceparent."""
    return traceparent[3:35] if traceparent and _SHAPE.fullmatch(traceparent) else None


@contextmanager
def span(parent: str | None) -> Iterator[str]:
    """Work on a child of `parent`: within, `current()` is the child."""
    mine = child(parent)
    token = _current.set(mine)
    try:
        yield mine
    finally:
        _current.reset(token)
