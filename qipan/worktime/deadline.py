"""From a limit and a start to a deadline, and how much of it is left."""

from datetime import UTC, datetime, timedelta
from itertools import islice

from qipan.worktime.calendar import Calendar
from qipan.worktime.limit import Limit, TimeUnit

MINUTE = timedelta(minutes=1)


def deadline(start: datetime, limit: Limit, calendar: Calendar) -> datetime:
    """The instant (UTC) at which `limit`, begun at `start` (aware), has run out.

    Working hours are counted through the calendar's working time. A work-day ends at the same local time on
    the next day worked (of a night shift: at the same point of the next one); begun outside working time it
    counts from the next working moment. A natural day ends at the same local time on the next day.
    """
    if start.tzinfo is None:
        raise ValueError("a deadline needs a start with a time zone")
    start = start.astimezone(UTC)
    if limit.unit is TimeUnit.URGENT_HOUR:
        return start + timedelta(minutes=limit.amount)
    if limit.unit is TimeUnit.NATURAL_DAY:
        return (start.astimezone(calendar.zone) + timedelta(days=limit.amount)).astimezone(UTC)
    if limit.unit is TimeUnit.WORK_HOUR:
        return after_working(start, timedelta(minutes=limit.amount), calendar)
    return _after_work_days(start, limit.amount, calendar)


def worked_between(start: datetime, end: datetime, calendar: Calendar) -> timedelta:
    """How much working time lies between two instants; none when `end` is not after `start`."""
    worked = timedelta()
    if end <= start:
        return worked
    for begins, ends in calendar.working_spans(start):
        if begins >= end:
            break
        worked += min(ends, end) - begins
    return worked


def left(now: datetime, due: datetime, unit: TimeUnit, calendar: Calendar) -> timedelta:
    """What is left of a limit in `unit` that runs out at `due`: working time for the two working units.

    None of it is negative: of a limit that has run out, nothing is left.
    """
    if unit in (TimeUnit.WORK_HOUR, TimeUnit.WORK_DAY):
        return worked_between(now, due, calendar)
    return max(due - now, timedelta())


def after_left(now: datetime, rest: timedelta, unit: TimeUnit, calendar: Calendar) -> datetime:
    """When what `left` gave runs out, going on from `now`."""
    if unit in (TimeUnit.WORK_HOUR, TimeUnit.WORK_DAY):
        return after_working(now.astimezone(UTC), rest, calendar)
    return now + rest


def after_working(start: datetime, rest: timedelta, calendar: Calendar) -> datetime:
    """The instant at which so much working time has passed since `start`."""
    for begins, ends in calendar.working_spans(start):
        if begins + rest <= ends:
            return begins + rest
        rest -= ends - begins
    raise _never()


def _after_work_days(start: datetime, days: int, calendar: Calendar) -> datetime:
    shift = next(calendar.shifts(start), None)
    if shift is None:
        raise _never()
    local = max(shift.begins, start).astimezone(calendar.zone)
    past_midnight = local.date() - shift.day
    later = calendar.working_days(shift.day + timedelta(days=1))
    day = next(islice(later, days - 1, None), None)
    if day is None:
        raise _never()
    return datetime.combine(day + past_midnight, local.time(), calendar.zone).astimezone(UTC)


def _never() -> ValueError:
    return ValueError("the limit never runs out: the calendar has a whole year without a working day")
