"""Months of the totals: they tile time, and neither data nor a clock makes more of them than there may be."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.analytics.months import AHEAD, EPOCH, FORESEEN, KEPT_BACK, Month, over, reach, wanted
from services.analytics.totals import EPOCH as FOR_EVER

ZONES = st.integers(-14, 14).map(lambda hours: timezone(timedelta(hours=hours)))
INSTANTS = st.datetimes(datetime(1900, 1, 2), datetime(2900, 1, 1), timezones=ZONES)  # noqa: DTZ001


@given(INSTANTS)
def test_every_instant_lies_in_its_month_and_the_next_begins_where_it_ends(at: datetime) -> None:
    month = Month.of(at)
    assert month.since <= at < month.until
    assert month.until == month.plus(1).since
    assert month.plus(1).plus(-1) == month
    assert Month.from_text(str(month)) == month


@pytest.mark.parametrize(
    "written", ["2026-13", "2026-00", "202-01", "2026-1", "2026-03-01", "0001-01", "now"]
)
def test_what_is_no_month_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="is no month"):
        Month.from_text(written)


@given(st.lists(INSTANTS, min_size=1, max_size=4), st.lists(INSTANTS, max_size=20))
def test_the_clocks_months_are_wanted_and_what_is_met_only_within_reach(
    now: list[datetime], met: list[datetime]
) -> None:
    found = wanted(now, met, None)
    by_clocks = {Month.of(at).plus(ahead) for at in now for ahead in range(AHEAD + 1)}
    assert by_clocks - {EPOCH} <= set(found)
    since, until = reach(now)
    for month in set(found) - by_clocks:
        assert month in map(Month.of, met)
        assert since <= month.since < until
    near = [at for at in met if Month.of(min(now)) <= Month.of(at) <= Month.of(min(now)).plus(FORESEEN)]
    assert {Month.of(at) for at in near} - {EPOCH} <= set(found)


@given(INSTANTS, st.integers(-KEPT_BACK, FORESEEN), INSTANTS)
def test_what_was_dropped_is_not_wanted_again(now: datetime, off: int, dropped: datetime) -> None:
    before = Month.of(dropped).since
    met = [Month.of(now).plus(off).since]
    assert all(month.since >= before for month in wanted([now], met, before))
    assert [month for month in wanted([now], met, None) if month.since >= before] == wanted(
        [now], met, before
    )


def test_the_epoch_has_its_partition_already() -> None:
    assert Month.of(FOR_EVER) == EPOCH
    assert EPOCH not in wanted([FOR_EVER], [FOR_EVER], None)


def test_a_month_is_over_when_the_last_clock_says_so() -> None:
    march, end = Month(2026, 3), datetime(2026, 4, 1, tzinfo=UTC)
    assert over(march, [end, end + timedelta(days=9)])
    assert not over(march, [end + timedelta(days=9), end - timedelta(seconds=1)])
