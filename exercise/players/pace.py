"""How fast the district's time runs for those who play in it."""

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from qipan.tenancy.clocks import EVERYONE, Clock, Clocks


@dataclass(frozen=True, slots=True)
class Pace:
    """One clock for everyone; a rate of 720 plays a day in two minutes."""

    clock: Clock

    @classmethod
    def starting(cls, domain: datetime, rate: float, *, in_seconds: float = 0.0) -> "Pace":
        """A pace at which it will be `domain` in so many real seconds."""
        return cls(Clock(domain.astimezone(UTC), datetime.now(UTC) + timedelta(seconds=in_seconds), rate))

    def now(self) -> datetime:
        """Domain time, UTC."""
        return self.clock.at(datetime.now(UTC))

    def seconds_until(self, moment: datetime) -> float:
        """Real seconds until that domain moment; never negative."""
        return max(0.0, (self.clock.real_at(moment) - datetime.now(UTC)).total_seconds())

    async def until(self, moment: datetime) -> None:
        """Sleep until that domain moment."""
        await asyncio.sleep(self.seconds_until(moment))

    async def minutes(self, minutes: float) -> None:
        """Sleep so many minutes of domain time."""
        await asyncio.sleep(minutes * 60 / self.clock.rate)

    def setting(self) -> str:
        """The value of the clocks' setting with which every service goes by this pace."""
        return Clocks({EVERYONE: self.clock}).to_json()


class Deadline:
    """So many real seconds, counted from now."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """Real seconds left; never negative."""
        return max(0.0, self._end - time.monotonic())

    @property
    def over(self) -> bool:
        """Whether the time is up."""
        return self.left == 0.0
