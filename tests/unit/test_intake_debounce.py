"""Debouncing by the rules alone."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from qipan.contracts.level import Level
from services.intake.devices.debounce import Alarm, Fate, Series, take

NOON = datetime(2026, 3, 5, 4, tzinfo=UTC)
WINDOW = timedelta(minutes=30)


def alarm(minutes: float = 0, level: Level = Level.NORMAL, *, cleared: bool = False) -> Alarm:
    return Alarm(NOON + timedelta(minutes=minutes), level, cleared)


def after(*alarms: Alarm, window: timedelta = WINDOW) -> tuple[list[Fate], Series]:
    series, fates = Series(), []
    for number, one in enumerate(alarms):
        fate, series = take(series, one, window, f"r{number}")
        fates.append(fate)
    return fates, series


def test_the_first_becomes_a_report_and_the_next_ones_join_it() -> None:
    fates, series = after(alarm(), alarm(29), alarm(58), alarm(80))
    assert fates == [Fate.REPORTED, Fate.JOINED, Fate.JOINED, Fate.JOINED]
    assert (series.report_id, series.times) == ("r0", 4)
    assert series.last_at == NOON + timedelta(minutes=80)


def test_after_a_quiet_window_it_is_news_again() -> None:
    fates, series = after(alarm(), alarm(31))
    assert fates == [Fate.REPORTED, Fate.REPORTED]
    assert (series.report_id, series.times) == ("r1", 1)


def test_without_a_window_every_alarm_is_a_report() -> None:
    assert after(alarm(), alarm(), window=timedelta())[0] == [Fate.REPORTED] * 2


def test_what_nobody_sees_to_any_more_takes_no_alarm() -> None:
    _, series = after(alarm())
    over = Series(series.report_id, series.first_at, series.last_at, 1, Level.NORMAL, None, stands=False)
    assert take(over, alarm(1), WINDOW, "r9")[0] is Fate.REPORTED
    assert take(over, alarm(1, cleared=True), WINDOW, "r9")[0] is Fate.NOTHING_STANDS


def test_it_clears_and_may_come_again_within_the_window() -> None:
    fates, series = after(alarm(), alarm(5, cleared=True))
    assert fates[-1] is Fate.CLEARED
    assert (series.cleared_at, series.times) == (NOON + timedelta(minutes=5), 1)
    fates, series = after(alarm(), alarm(5, cleared=True), alarm(6))
    assert (fates[-1], series.cleared_at, series.times) == (Fate.JOINED, None, 2)


def test_an_emergency_waits_for_no_report_that_stands() -> None:
    fates, _ = after(alarm(), alarm(1, Level.URGENT), alarm(2, Level.URGENT))
    assert fates == [Fate.REPORTED, Fate.REPORTED, Fate.JOINED]


@given(
    st.lists(
        st.builds(alarm, st.floats(0, 600), st.sampled_from(list(Level)), cleared=st.booleans()), max_size=30
    )
)
def test_no_alarm_is_lost(alarms: list[Alarm]) -> None:
    """Each alarm is a report's or joins one: the reports' counts add up to the alarms."""
    counted, series = 0, Series()
    for number, one in enumerate(alarms):
        fate, later = take(series, one, WINDOW, f"r{number}")
        if fate is Fate.REPORTED:
            counted += series.times
            assert later.report_id == f"r{number}"
        if fate is Fate.JOINED:
            assert later.level.rank >= one.level.rank
        series = later
    assert counted + series.times == sum(not one.cleared for one in alarms)
