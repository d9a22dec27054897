"""When a steward may judge: only when it could have heard the renewals whose absence it acts upon."""

import time
from collections.abc import Callable


class Patience:
    """A steward that was away, or whose broker or database was, waits for a whole lease before it judges."""

    def __init__(self, lease_seconds: float, now: Callable[[], float] = time.monotonic) -> None:
        self._lease_seconds = lease_seconds
        self._now = now
        self._well_since = self._asked_at = now()

    def ill(self) -> None:
        """Something failed: renewals may have been lost with it."""
        self._well_since = self._now()

    def may_judge(self) -> bool:
        """Whether every living instance has had the time to renew. To be asked about once a second.

        Not having asked for half a lease is having been away (stopped, starved).
        """
        now = self._now()
        if now - self._asked_at > self._lease_seconds / 2:
            self._well_since = now
        self._asked_at = now
        return now - self._well_since >= self._lease_seconds
