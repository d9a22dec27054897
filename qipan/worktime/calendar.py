"""When a tenant works."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Span:
    """Working hours within one day, local time; `end` is after `start`."""

    start: time
    end: time


@dataclass(frozen=True, slots=True)
class Calendar:
    """The working hours of a tenant in its zone, and a rule that says which days are worked."""

    zone: ZoneInfo
    spans: tuple[Span, ...]
    works: Callable[[date], bool]

    def __post_init__(self) -> None:
        if not self.spans or any(span.start >= span.end for span in self.spans):
            raise ValueError("a working calendar needs spans that end after they start")
        if any(one.end > next_.start for one, next_ in zip(self.spans, self.spans[1:], strict=False)):
            raise ValueError("the spans of a working day must follow one another")

    def working_days(self, first: date) -> Iterator[date]:
        """The days worked from `first` on; ends when a whole year is free, which is a mistake in the rule."""
        day, free = first, 0
        while free < 366:
            free += 1
            if self.works(day):
                free = 0
                yield day
            day += timedelta(days=1)

    def working_spans(self, start: datetime) -> Iterator[tuple[datetime, datetime]]:
        """The stretches of working time from `start` on, as instants in UTC; ends as `working_days` does."""
        for day in self.working_days(start.astimezone(self.zone).date()):
            for span in self.spans:
                begins, ends = self._instant(day, span.start), self._instant(day, span.end)
                if ends > start:
                    yield max(begins, start), ends

    def _instant(self, day: date, at: time) -> datetime:
        return datetime.combine(day, at, self.zone).astimezone(UTC)


def works_on_weekdays(day: date) -> bool:
    """Monday to Friday: the rule where no holidays are known."""
    return day.weekday() < 5
