"""Surges against the season, and the shape of what is usual."""

from datetime import date, timedelta
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from services.analytics import surge

MONDAY = date(2026, 1, 5)
DAYS = [MONDAY + timedelta(days=number) for number in range(70)]


def weekly(dice: Random) -> dict[date, int]:
    return {day: (30 if day.weekday() == 0 else 6) + dice.randrange(-2, 3) for day in DAYS}


def test_a_usual_monday_is_none_and_the_same_count_on_a_tuesday_is_one() -> None:
    counts = weekly(Random(1))
    monday, tuesday = DAYS[-7], DAYS[-6]
    assert not surge.normal(monday, counts, MONDAY).exceeded(31)
    assert surge.normal(tuesday, counts, MONDAY).exceeded(31)


def test_an_earlier_surge_does_not_hide_the_next() -> None:
    counts = weekly(Random(2))
    quiet = surge.normal(DAYS[-1], counts, MONDAY)
    loud = surge.normal(DAYS[-1], {**counts, DAYS[-20]: 500}, MONDAY)
    assert loud.limit < quiet.limit * 1.3


def test_with_too_few_days_or_too_few_reports_nothing_is_said() -> None:
    assert surge.normal(DAYS[10], {}, MONDAY) is None
    rare = surge.normal(DAYS[-1], {DAYS[3]: 1}, MONDAY)
    assert not rare.exceeded(surge.LEAST_COUNT - 1)
    assert rare.exceeded(40)


@given(st.dictionaries(st.sampled_from(DAYS), st.integers(0, 200)), st.floats(0, 1), st.floats(0, 1))
def test_the_limit_lies_above_the_usual_and_grows_with_the_part_of_the_day(
    counts: dict[date, int], one: float, other: float
) -> None:
    usual = surge.normal(DAYS[-1] + timedelta(days=1), counts, MONDAY)
    assert usual.limit > usual.usual >= 0
    small, large = sorted((one, other))
    assert usual.part(small).limit <= usual.part(large).limit <= usual.limit + 1e-9
    assert usual.part(1.0).usual == usual.usual
