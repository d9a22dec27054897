from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qipan.worktime import (
    Calendar,
    Limit,
    Span,
    TimeUnit,
    after_left,
    china_knows,
    deadline,
    left,
    worked_between,
    works_in_china,
    works_on_weekdays,
)

SHANGHAI = ZoneInfo("Asia/Shanghai")
HOURS = (Span(time(8, 30), time(12)), Span(time(13, 30), time(18)))
CHINA = Calendar(SHANGHAI, HOURS, works_in_china, china_knows)
WEEKDAYS = Calendar(SHANGHAI, HOURS, works_on_weekdays)


def local(text: str, zone: ZoneInfo = SHANGHAI) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone)


def due(start: str, limit: str, calendar: Calendar = CHINA) -> str:
    found = deadline(local(start, calendar.zone), Limit.parse(limit), calendar)
    return found.astimezone(calendar.zone).strftime("%Y-%m-%d %H:%M")


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("30 minutes", Limit(30, TimeUnit.URGENT_HOUR)),
        ("1 hour", Limit(60, TimeUnit.URGENT_HOUR)),
        ("4 work-hours", Limit(240, TimeUnit.WORK_HOUR)),
        ("45 work-minutes", Limit(45, TimeUnit.WORK_HOUR)),
        ("2 work-days", Limit(2, TimeUnit.WORK_DAY)),
        ("1 natural-day", Limit(1, TimeUnit.NATURAL_DAY)),
    ],
)
def test_limits_are_written_in_words(text: str, limit: Limit):
    assert Limit.parse(text) == limit


@pytest.mark.parametrize(
    "text", ["", "4", "0 hours", "-1 hours", "1.5 hours", "4 weeks", "four hours", "4hours"]
)
def test_what_is_no_limit_says_what_would_be(text: str):
    with pytest.raises(ValueError, match="allowed: a whole number"):
        Limit.parse(text)


@pytest.mark.parametrize(
    ("start", "limit", "ends"),
    [
        ("2026-03-02 09:00", "4 work-hours", "2026-03-02 14:30"),  # over the noon break
        ("2026-03-02 12:30", "1 work-hour", "2026-03-02 14:30"),  # begun in it
        ("2026-03-02 17:30", "1 work-hour", "2026-03-03 09:00"),  # over night
        ("2026-03-06 17:30", "1 work-hour", "2026-03-09 09:00"),  # over the weekend
        (
            "2026-03-02 08:30",
            "210 work-minutes",
            "2026-03-02 12:00",
        ),  # ends with the span, not after the break
        ("2026-03-02 10:00", "2 work-days", "2026-03-04 10:00"),
        ("2026-03-06 10:00", "1 work-day", "2026-03-09 10:00"),
        ("2026-03-07 10:00", "1 work-day", "2026-03-10 08:30"),  # begun on a Saturday: counts from Monday
        ("2026-03-02 22:00", "1 hour", "2026-03-02 23:00"),
        ("2026-03-06 22:00", "3 natural-days", "2026-03-09 22:00"),
    ],
)
def test_deadlines(start: str, limit: str, ends: str):
    assert due(start, limit) == ends


def test_holidays_and_make_up_days():
    # National Day 2025: 1 to 8 October free, Sunday 28 September and Saturday 11 October worked.
    assert due("2025-09-30 17:30", "1 work-hour") == "2025-10-09 09:00"
    assert due("2025-09-26 17:30", "1 work-hour") == "2025-09-28 09:00"
    assert due("2025-09-26 17:30", "1 work-hour", WEEKDAYS) == "2025-09-29 09:00"


def test_a_year_without_a_published_calendar_falls_back():
    assert not works_in_china(date(2091, 10, 1))  # a Monday
    assert works_in_china(date(2091, 10, 8))
    assert not works_in_china(date(2091, 10, 7))  # a Sunday
    assert works_in_china(date(1999, 3, 3))


def test_a_year_without_a_published_calendar_has_its_lunar_holidays_and_no_make_up_days():
    assert not china_knows(2091)
    assert not works_in_china(date(2027, 2, 8))  # a Monday, the third day of the lunar new year
    assert not works_in_china(date(2091, 2, 18))  # New Year's Day of 2091's lunar calendar, a Sunday or not
    worked = [date(2091, 3, day) for day in range(1, 32) if works_in_china(date(2091, 3, day))]
    assert all(day.weekday() < 5 for day in worked)


def test_a_calendar_says_which_year_it_is_without():
    assert CHINA.unknown_year(local("2025-12-30 10:00"), local("2026-01-05 10:00")) is None
    assert CHINA.unknown_year(local("2090-12-30 10:00"), local("2091-01-05 10:00")) == 2090
    assert WEEKDAYS.unknown_year(local("2090-12-30 10:00"), local("2091-01-05 10:00")) is None


def test_a_natural_day_keeps_the_clock_over_a_change_of_summer_time():
    baltimore = Calendar(ZoneInfo("America/New_York"), HOURS, works_on_weekdays)
    assert due("2025-03-08 10:00", "1 natural-day", baltimore) == "2025-03-09 10:00"
    start = local("2025-03-08 10:00", baltimore.zone)
    assert deadline(start, Limit.parse("1 natural-day"), baltimore) - start == timedelta(hours=23)


def test_a_start_needs_a_zone():
    with pytest.raises(ValueError, match="time zone"):
        deadline(datetime(2026, 1, 1), Limit.parse("1 hour"), CHINA)  # noqa: DTZ001


@pytest.mark.parametrize("limit", ["1 work-hour", "1 work-day"])
def test_a_calendar_that_never_works_is_an_error_not_a_hang(limit: str):
    never = Calendar(SHANGHAI, HOURS, lambda day: False)
    with pytest.raises(ValueError, match="never runs out"):
        deadline(local("2026-01-01"), Limit.parse(limit), never)


@pytest.mark.parametrize(
    "spans",
    [
        (),
        (Span(time(22), time(6)), Span(time(8), time(12))),  # only the last runs past midnight
        (Span(time(8), time(12)), Span(time(11), time(13))),
        (Span(time(5), time(12)), Span(time(22), time(6))),  # into the next day's first
    ],
)
def test_spans_must_make_a_day(spans: tuple[Span, ...]):
    with pytest.raises(ValueError, match="span"):
        Calendar(SHANGHAI, spans, works_on_weekdays)


MINUTES = st.integers(0, 10 * 24 * 60)


@settings(max_examples=40)
@given(MINUTES, st.integers(1, 1500))
def test_working_minutes_are_those_a_clock_would_count(offset: int, minutes: int):
    """Against stepping through the minutes one by one, over National Day and its make-up days."""
    start = local("2025-09-24 00:00").astimezone(UTC) + timedelta(minutes=offset)
    now, left = start, minutes
    while left:
        here = now.astimezone(SHANGHAI)
        if works_in_china(here.date()) and any(span.start <= here.time() < span.end for span in HOURS):
            left -= 1
        now += timedelta(minutes=1)
    assert deadline(start, Limit(minutes, TimeUnit.WORK_HOUR), CHINA) == now


@given(MINUTES, st.integers(1, 10))
def test_work_days_are_counted_by_days_worked(offset: int, days: int):
    start = local("2025-09-24 00:00").astimezone(UTC) + timedelta(minutes=offset)
    ends = deadline(start, Limit(days, TimeUnit.WORK_DAY), CHINA).astimezone(SHANGHAI)
    counted_from = deadline(start, Limit(1, TimeUnit.WORK_HOUR), CHINA).astimezone(SHANGHAI) - timedelta(
        minutes=1
    )
    day, worked = counted_from.date(), 0
    while day < ends.date():
        day += timedelta(days=1)
        worked += works_in_china(day)
    assert worked == days
    assert ends.time() == counted_from.time()


@given(MINUTES, st.integers(1, 600), st.integers(1, 600))
def test_a_longer_limit_never_ends_earlier(offset: int, one: int, more: int):
    start = local("2025-09-24 00:00") + timedelta(minutes=offset)
    for unit in (TimeUnit.WORK_HOUR, TimeUnit.URGENT_HOUR):
        assert deadline(start, Limit(one, unit), CHINA) < deadline(start, Limit(one + more, unit), CHINA)


NIGHT = Calendar(SHANGHAI, (Span(time(14), time(18)), Span(time(22), time(6))), works_in_china)
ROUND_THE_CLOCK = Calendar(SHANGHAI, (Span(time(8), time(8)),), works_in_china)


def works_at(here: datetime, calendar: Calendar) -> bool:
    """Naively: whether some span of this day, or one of the day before that runs past midnight, holds the minute."""
    day, at = here.date(), here.time()
    for span in calendar.spans:
        if span.end > span.start:
            if calendar.works(day) and span.start <= at < span.end:
                return True
        elif (calendar.works(day) and at >= span.start) or (
            calendar.works(day - timedelta(days=1)) and at < span.end
        ):
            return True
    return False


def walked(start: datetime, minutes: int, calendar: Calendar) -> datetime:
    """The deadline, minute by minute."""
    now = start
    while minutes:
        minutes -= works_at(now.astimezone(calendar.zone), calendar)
        now += timedelta(minutes=1)
    return now


CALENDARS = st.sampled_from([CHINA, WEEKDAYS, NIGHT, ROUND_THE_CLOCK])


@settings(max_examples=40)
@given(CALENDARS, MINUTES, st.integers(1, 1500))
def test_deadlines_are_those_of_a_walk_through_the_minutes(calendar: Calendar, offset: int, minutes: int):
    """Over National Day with its make-up days: day shifts, night shifts, and shifts that never end."""
    start = local("2025-09-24 00:00").astimezone(UTC) + timedelta(minutes=offset)
    due = deadline(start, Limit(minutes, TimeUnit.WORK_HOUR), calendar)
    assert due == walked(start, minutes, calendar)
    assert worked_between(start, due, calendar) == timedelta(minutes=minutes)


@settings(max_examples=40)
@given(CALENDARS, MINUTES, st.integers(1, 5))
def test_a_work_day_begins_and_ends_at_the_same_point_of_a_shift(calendar: Calendar, offset: int, days: int):
    start = local("2025-09-24 00:00").astimezone(UTC) + timedelta(minutes=offset)
    ends = deadline(start, Limit(days, TimeUnit.WORK_DAY), calendar)
    first = walked(start, 1, calendar) - timedelta(minutes=1)  # the minute from which it counts

    def shift_day(at: datetime) -> date:
        here = at.astimezone(SHANGHAI)
        night = calendar.spans[-1]
        back = night.overnight and here.time() < night.end
        return here.date() - timedelta(days=1) if back else here.date()

    begun, day, worked = shift_day(first), shift_day(first), 0
    while worked < days:
        day += timedelta(days=1)
        worked += calendar.works(day)
    assert shift_day(ends) == day
    assert ends - first == day - begun  # no summer time in Shanghai: the same time on the clock


@settings(max_examples=60)
@given(CALENDARS, MINUTES, st.integers(1, 1500), st.sampled_from(list(TimeUnit)), st.data())
def test_what_is_left_when_paused_is_what_is_left_when_resumed(
    calendar: Calendar, offset: int, amount: int, unit: TimeUnit, data: st.DataObject
):
    start = local("2025-09-24 00:00").astimezone(UTC) + timedelta(minutes=offset)
    if unit in (TimeUnit.WORK_DAY, TimeUnit.NATURAL_DAY):
        amount = 1 + amount % 5
    due = deadline(start, Limit(amount, unit), calendar)
    paused = start + (due - start) * data.draw(st.floats(0, 1))
    rest = left(paused, due, unit, calendar)
    resumed = paused + timedelta(minutes=data.draw(st.integers(0, 20_000)))
    again = after_left(resumed, rest, unit, calendar)
    assert left(resumed, again, unit, calendar) == rest
    if resumed == paused and rest:
        assert again <= due
