"""When a tenant works."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Span:
    """Working hours that begin on one day, local time. An `end` that is not after `start` lies on the next day
    (a night shift, 22:00-06:00); the whole span belongs to the day on which it begins."""

    start: time
    end: time

    @property
    def overnight(self) -> bool:
        """Whether it ends on the day after."""
        return self.end <= self.start


@dataclass(frozen=True, slots=True)
class Shift:
    """A span on one day worked, as instants in UTC."""

    day: date
    begins: datetime
    ends: datetime


def every_year(year: int) -> bool:
    """The rule says for every year which days are worked."""
    return True


@dataclass(frozen=True, slots=True)
class Calendar:
    """The working hours of a tenant in its zone, and a rule that says which days are worked.

    `knows` says of a year whether the rule has what it needs (the yearly notice of holidays and make-up days); of
    another year it makes the best of what is fixed.
    """

    zone: ZoneInfo
    spans: tuple[Span, ...]
    works: Callable[[date], bool]
    knows: Callable[[int], bool] = every_year

    def __post_init__(self) -> None:
        if not self.spans or any(span.overnight for span in self.spans[:-1]):
            raise ValueError("a working calendar needs spans, of which only the last may run past midnight")
        if any(one.end > next_.start for one, next_ in zip(self.spans, self.spans[1:], strict=False)):
            raise ValueError("the spans of a working day must follow one another")
        if self.spans[-1].overnight and self.spans[-1].end > self.spans[0].start:
            raise ValueError("a span past midnight must end before the next day's first one starts")

    def working_days(self, first: date) -> Iterator[date]:
        """The days worked from `first` on; ends when a whole year is free, which is a mistake in the rule."""
        day, free = first, 0
        while free < 366:
            free += 1
            if self.works(day):
                free = 0
                yield day
            day += timedelta(days=1)

    def shifts(self, start: datetime) -> Iterator[Shift]:
        """The spans that are not over at `start`, whole and in order; ends as `working_days` does."""
        first = start.astimezone(self.zone).date()
        if self.spans[-1].overnight:
            first -= timedelta(days=1)
        for day in self.working_days(first):
            for span in self.spans:
                ends = self._instant(day + timedelta(days=1) if span.overnight else day, span.end)
                if ends > start:
                    yield Shift(day, self._instant(day, span.start), ends)

    def working_spans(self, start: datetime) -> Iterator[tuple[datetime, datetime]]:
        """The stretches of working time from `start` on, as instants in UTC; ends as `working_days` does."""
        for shift in self.shifts(start):
            yield max(shift.begins, start), shift.ends

    def unknown_year(self, start: datetime, end: datetime) -> int | None:
        """The first year between two instants for which the rule lacks what it needs; None when it has all."""
        first, last = start.astimezone(self.zone).year, end.astimezone(self.zone).year
        return next((year for year in range(first, last + 1) if not self.knows(year)), None)

    def _instant(self, day: date, at: time) -> datetime:
        return datetime.combine(day, at, self.zone).astimezone(UTC)


def works_on_weekdays(day: date) -> bool:
    """Monday to Friday: the rule where no holidays are known."""
    return day.weekday() < 5
