"""Periods by name, and how they are cut."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qipan.contracts.errors import Invalid
from services.analytics.period import PERIODS, before, cut, over, span_of

NOW = datetime(2026, 3, 4, 7, 20, tzinfo=UTC)
ZONE = "Asia/Shanghai"


def days(name: str, zone: str = ZONE) -> tuple[str, str]:
    span = span_of(name, NOW, zone)
    return str((span.since + timedelta(hours=8)).date()), str((span.until + timedelta(hours=8)).date())


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("today", ("2026-03-04", "2026-03-05")),
        ("yesterday", ("2026-03-03", "2026-03-04")),
        ("last-7-days", ("2026-02-26", "2026-03-05")),
        ("this-week", ("2026-03-02", "2026-03-05")),
        ("this-month", ("2026-03-01", "2026-03-05")),
        ("last-month", ("2026-02-01", "2026-03-01")),
        ("2025-12", ("2025-12-01", "2026-01-01")),
        ("2026-W10", ("2026-03-02", "2026-03-09")),
        ("2026-02-28", ("2026-02-28", "2026-03-01")),
        ("2026-02-28/2026-03-02", ("2026-02-28", "2026-03-03")),
    ],
)
def test_periods_by_name(name: str, expected: tuple[str, str]) -> None:
    assert days(name) == expected


@pytest.mark.parametrize(
    "name", ["", "last-year", "2026-13", "2026-W60", "2026-02-30", "2026-03-02/2026-03-01", "9999-12", "１２"]
)
def test_another_name_is_refused_with_those_there_are(name: str) -> None:
    with pytest.raises(Invalid) as refusal:
        span_of(name, NOW, ZONE)
    [fault] = refusal.value.faults
    assert fault.where == "period"
    assert set((fault.allowed or "").split(", ")) == set(PERIODS)


def test_a_period_of_ages_is_refused() -> None:
    with pytest.raises(Invalid):
        span_of("1990-01-01/2026-01-01", NOW, ZONE)


@given(
    st.sampled_from(["last-30-days", "last-month", "2026-03", "2026-W45", "2026-10-20/2026-11-10"]),
    st.sampled_from(["whole", "hour", "day", "week", "month"]),
    st.sampled_from([ZONE, "America/New_York", "Asia/Kathmandu"]),
)
def test_the_parts_of_a_period_are_all_of_it_once(name: str, every: str, zone: str) -> None:
    span = span_of(name, NOW, zone)
    parts = cut(span, every, zone)
    assert (parts[0][0], parts[-1][1]) == (span.since, span.until)
    assert all(one[1] == two[0] for one, two in pairwise(parts))
    assert all(since < until for since, until in parts)


def test_another_grain_is_refused() -> None:
    with pytest.raises(Invalid):
        cut(span_of("today", NOW, ZONE), "minute", ZONE)


def test_the_period_before() -> None:
    assert before(span_of("2026-03", NOW, ZONE), ZONE).name == "2026-02"
    week = span_of("2026-W10", NOW, ZONE)
    earlier = before(week, ZONE)
    assert (earlier.since, earlier.until) == (week.since - timedelta(days=7), week.since)


def test_a_period_is_over_when_its_last_day_is() -> None:
    assert over(span_of("last-month", NOW, ZONE), NOW)
    assert not over(span_of("today", NOW, ZONE), NOW)
