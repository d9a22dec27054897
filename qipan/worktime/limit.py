"""A time limit: an amount of one of the field's units."""

import re
from dataclasses import dataclass
from enum import StrEnum


class TimeUnit(StrEnum):
    """What a limit is counted in (GB/T 30428 family).

    WORK_HOUR and WORK_DAY run in working time only, URGENT_HOUR and NATURAL_DAY round the clock.
    """

    URGENT_HOUR = "urgent-hour"
    WORK_HOUR = "work-hour"
    WORK_DAY = "work-day"
    NATURAL_DAY = "natural-day"


_WRITTEN = re.compile(r"(\d{1,6}) +(minute|hour|work-minute|work-hour|work-day|natural-day)s?")
_MEANS = {
    "minute": (TimeUnit.URGENT_HOUR, 1),
    "hour": (TimeUnit.URGENT_HOUR, 60),
    "work-minute": (TimeUnit.WORK_HOUR, 1),
    "work-hour": (TimeUnit.WORK_HOUR, 60),
    "work-day": (TimeUnit.WORK_DAY, 1),
    "natural-day": (TimeUnit.NATURAL_DAY, 1),
}

ALLOWED = "a whole number above 0 and minutes, hours, natural-days, work-minutes, work-hours or work-days"


@dataclass(frozen=True, slots=True)
class Limit:
    """`amount` is in minutes for the two hour units and in days for the two day units."""

    amount: int
    unit: TimeUnit

    @classmethod
    def parse(cls, text: str) -> "Limit":
        """Read `4 work-hours`, `30 minutes`, `2 work-days` …; ValueError says what is allowed."""
        found = _WRITTEN.fullmatch(text.strip())
        if found is None or int(found[1]) == 0:
            raise ValueError(f"{text!r} is not a time limit; allowed: {ALLOWED}")
        unit, minutes = _MEANS[found[2]]
        return cls(int(found[1]) * minutes, unit)

    def __str__(self) -> str:
        """As `parse` reads it."""
        if self.unit in (TimeUnit.WORK_DAY, TimeUnit.NATURAL_DAY):
            return f"{self.amount} {self.unit.value}s"
        hours, minutes = divmod(self.amount, 60)
        word = "work-" if self.unit is TimeUnit.WORK_HOUR else ""
        return f"{self.amount} {word}minutes" if minutes else f"{hours} {word}hours"
