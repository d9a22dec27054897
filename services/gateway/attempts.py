"""How often somebody failed to sign in lately; bounded, in this process's memory."""

import time
from collections import OrderedDict
from collections.abc import Callable


class Attempts:
    """Counts failures by key (an account, an address): `most` within `seconds` block the key until they age.

    No more than `remember` keys are kept; the one that failed longest ago is forgotten first.
    """

    def __init__(
        self, most: int, seconds: float, remember: int = 10_000, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._most = most
        self._seconds = seconds
        self._remember = remember
        self._now = now
        self._failures: OrderedDict[str, list[float]] = OrderedDict()

    def blocked(self, key: str) -> float:
        """Seconds until this key may try again; 0 when it may now."""
        failures = self._recent(key)
        return failures[-self._most] + self._seconds - self._now() if len(failures) >= self._most else 0.0

    def failed(self, key: str) -> None:
        """One more failure."""
        self._failures[key] = [*self._recent(key), self._now()][-self._most :]
        self._failures.move_to_end(key)
        while len(self._failures) > self._remember:
            self._failures.popitem(last=False)

    def forget(self, key: str) -> None:
        """A success: earlier failures no longer count."""
        self._failures.pop(key, None)

    def _recent(self, key: str) -> list[float]:
        oldest = self._now() - self._seconds
        return [at for at in self._failures.get(key, ()) if at > oldest]
