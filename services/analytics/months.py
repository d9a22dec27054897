"""Months of the totals, by UTC, and which of them get a partition of their own. Pure."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

AHEAD = 3
"""Months made beyond the running one: deadlines count on the days on which they fall due."""

KEPT_BACK = 120
"""Months back for which what came late gets a partition: ten years, the longest period that can be asked for."""

FORESEEN = 12
"""Months ahead for which it does. What lies further away stays in the default partition: a clock gone wrong, or a
tenant that writes any time it likes, makes no thousands of partitions."""


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """A calendar month of UTC.

    A bucket is an instant, and each tenant's months begin by its own zone: no bounds suit all. UTC's are nobody's, and
    cost a reader of a local month one partition more, for a few hours.
    """

    year: int
    month: int

    @classmethod
    def of(cls, at: datetime) -> Self:
        """The month of an instant."""
        utc = at.astimezone(UTC)
        return cls(utc.year, utc.month)

    @classmethod
    def from_text(cls, written: str) -> Self:
        """Read `2026-03`; ValueError."""
        found = re.fullmatch(r"([12]\d{3})-(0[1-9]|1[0-2])", written)
        if found is None:
            raise ValueError(f"{written!r} is no month; one is written like 2026-03")
        return cls(int(found[1]), int(found[2]))

    def __str__(self) -> str:
        return f"{self.year:04}-{self.month:02}"

    @property
    def number(self) -> int:
        """Months since the year 0."""
        return self.year * 12 + self.month - 1

    def plus(self, months: int) -> Self:
        """So many months later, or earlier."""
        year, month = divmod(self.number + months, 12)
        return type(self)(year, month + 1)

    @property
    def since(self) -> datetime:
        """When it begins."""
        return datetime(self.year, self.month, 1, tzinfo=UTC)

    @property
    def until(self) -> datetime:
        """When the next one begins."""
        return self.plus(1).since


EPOCH = Month(1970, 1)
"""Its partition is there from the beginning: in it lies what is counted for ever."""


def wanted(now: Collection[datetime], met: Collection[datetime], kept_since: datetime | None) -> list[Month]:
    """The months that there should be: by the tenants' clocks, and those met in data, in order.

    Nothing of what was dropped (before `kept_since`) is made again.
    """
    running = {Month.of(at) for at in now}
    months = {month.plus(ahead) for month in running for ahead in range(AHEAD + 1)}
    months |= {
        month
        for month in map(Month.of, met)
        if any(-KEPT_BACK <= month.number - one.number <= FORESEEN for one in running)
    }
    months.discard(EPOCH)
    return sorted(month for month in months if kept_since is None or month.since >= kept_since)


def reach(now: Collection[datetime]) -> tuple[datetime, datetime]:
    """Between which moments data may ask for a month, by any of the clocks; elsewhere they are not looked at."""
    return Month.of(min(now)).plus(-KEPT_BACK).since, Month.of(max(now)).plus(FORESEEN).until


def over(month: Month, now: Collection[datetime]) -> bool:
    """Whether it is over by every clock."""
    return month.until <= min(now)
