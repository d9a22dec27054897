"""Whether a destination may be sent to now: its rate limit, and the circuit breaker that leaves a dead one alone."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

MOST_FAILURES = 5
"""After so many failures in a row the destination is left alone, and then tried with one message at a time."""

FIRST_REST, LONGEST_REST = timedelta(seconds=30), timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Gate:
    """What is remembered of a destination (real time). `failures`: in a row; `free_at`: when its rate allows another.

    Messages that wait at a shut gate use up none of their attempts.
    """

    failures: int = 0
    shut_until: datetime | None = None
    free_at: datetime | None = None

    def opens(self, now: datetime) -> bool:
        """Whether a message may go now."""
        return all(until is None or until <= now for until in (self.shut_until, self.free_at))

    @property
    def broken(self) -> bool:
        """Whether so much has failed that only one message at a time is tried."""
        return self.failures >= MOST_FAILURES

    def passing(self, now: datetime, rate: float | None, lease: timedelta) -> "Gate":
        """The gate once a message has set out: `rate` messages a second may follow.

        At a broken one nobody follows before it is known what came of this one, or its lease is over.
        """
        free_at = max(now, self.free_at or now) + timedelta(seconds=1 / rate) if rate else self.free_at
        return replace(self, free_at=free_at, shut_until=now + lease if self.broken else self.shut_until)

    def spared(self, until: datetime) -> "Gate":
        """The gate once it is known that the message which shut it `until` then did not set out after all."""
        return replace(self, shut_until=None) if self.shut_until == until else self

    def after(self, now: datetime, *, failed: bool, retry_after: float | None = None) -> "Gate":
        """The gate once it is known what came of a message; `retry_after`: seconds it asked to be left alone."""
        if not failed:
            return replace(self, failures=0, shut_until=None)
        failures = self.failures + 1
        rest = timedelta(0)
        if failures >= MOST_FAILURES:
            rest = min(FIRST_REST * 2 ** min(failures - MOST_FAILURES, 10), LONGEST_REST)
        if retry_after is not None:
            rest = max(rest, timedelta(seconds=min(max(retry_after, 0), 3600)))
        return replace(self, failures=failures, shut_until=now + rest if rest else None)
