"""From a limit and a start to a deadline."""

from datetime import UTC, datetime, timedelta
from itertools import islice

from qipan.worktime.calendar import Calendar
from qipan.worktime.limit import Limit, TimeUnit


def deadline(start: datetime, limit: Limit, calendar: Calendar) -> datetime:
    """The instant (UTC) at which `limit`, begun at `start` (aware), has run out.

    Working hours are counted through the calendar's working time. A work-day ends at the same local time on
    the next day worked; begun outside working time it counts from the next working moment. A natural day
    ends at the same local time on the next day.
    """
    if start.tzinfo is None:
        raise ValueError("a deadline needs a start with a time zone")
    start = start.astimezone(UTC)
    if limit.unit is TimeUnit.URGENT_HOUR:
        return start + timedelta(minutes=limit.amount)
    if limit.unit is TimeUnit.NATURAL_DAY:
        return (start.astimezone(calendar.zone) + timedelta(days=limit.amount)).astimezone(UTC)
    if limit.unit is TimeUnit.WORK_HOUR:
        return _after_working(start, timedelta(minutes=limit.amount), calendar)
    return _after_work_days(start, limit.amount, calendar)


def _after_working(start: datetime, left: timedelta, calendar: Calendar) -> datetime:
    for begins, ends in calendar.working_spans(start):
        if begins + left <= ends:
            return begins + left
        left -= ends - begins
    raise _never()


def _after_work_days(start: datetime, days: int, calendar: Calendar) -> datetime:
    begins, _ = next(calendar.working_spans(start), (None, None))
    if begins is None:
        raise _never()
    local = begins.astimezone(calendar.zone)
    later = calendar.working_days(local.date() + timedelta(days=1))
    day = next(islice(later, days - 1, None), None)
    if day is None:
        raise _never()
    return datetime.combine(day, local.time(), calendar.zone).astimezone(UTC)


def _never() -> ValueError:
    return ValueError("the limit never runs out: the calendar has a whole year without a working day")
