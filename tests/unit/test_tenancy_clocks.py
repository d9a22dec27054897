from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qipan.tenancy import Clocks, TestClock
from qipan.tenancy.clocks import Clock

REAL = datetime(2026, 3, 1, 8, tzinfo=UTC)
DOMAIN = datetime(2025, 9, 24, tzinfo=UTC)


def clocks(real: datetime = REAL + timedelta(seconds=10), **own: Clock) -> Clocks:
    return Clocks({name.replace("everyone", "*"): clock for name, clock in own.items()}, real=lambda: real)


def test_without_clocks_domain_time_is_real_time():
    assert Clocks(real=lambda: REAL).now("sandun") == REAL
    before = datetime.now(UTC)
    assert before <= Clocks.real().now("sandun") <= datetime.now(UTC)


def test_a_fast_clock_runs_from_where_it_was_set():
    assert clocks(everyone=Clock(DOMAIN, REAL, 720)).now("sandun") == DOMAIN + timedelta(hours=2)


def test_a_tenants_own_clock_comes_first_then_its_live_tenants_then_everyones():
    found = clocks(everyone=Clock(DOMAIN, REAL), sandun=Clock(DOMAIN, REAL, 60))
    assert found.now("xixi") == DOMAIN + timedelta(seconds=10)
    assert found.now("sandun") == DOMAIN + timedelta(minutes=10)
    assert found.now("sandun~ex7") == DOMAIN + timedelta(minutes=10)
    assert found.special == {"sandun"}


def test_a_shadow_may_have_a_time_of_its_own():
    found = Clocks({"sandun~ex7": Clock(DOMAIN, REAL, 60)}, real=lambda: REAL)
    assert found.now("sandun~ex7") == DOMAIN
    assert found.now("sandun") == REAL


def test_json_there_and_back():
    text = '{"*": {"domain": "2025-09-24T08:00:00+08:00", "real": "2026-03-01T08:00:00+00:00", "rate": 720}}'
    found = Clocks.from_json(text)
    assert found.of("sandun") == Clock(DOMAIN, REAL, 720.0)
    assert Clocks.from_json(found.to_json()).of("sandun") == found.of("sandun")
    assert Clocks.from_json(" ").of("sandun") is None


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "{",
        '{"*": 3}',
        '{"*": {"domain": "2025-09-24T00:00:00+00:00"}}',
        '{"*": {"domain": "yesterday", "real": "2026-03-01T08:00:00+00:00"}}',
        '{"*": {"domain": "2025-09-24T00:00:00", "real": "2026-03-01T08:00:00+00:00"}}',
        '{"*": {"domain": "2025-09-24T00:00:00Z", "real": "2026-03-01T08:00:00Z", "rate": -1}}',
    ],
)
def test_what_is_no_clock_is_an_error(text: str):
    with pytest.raises(ValueError, match=r"clock|JSON|property name"):
        Clocks.from_json(text)


@given(st.floats(0.01, 100_000), st.integers(0, 10**7))
def test_a_clock_can_be_asked_when(rate: float, seconds: int):
    clock = Clock(DOMAIN, REAL, rate)
    later = DOMAIN + timedelta(seconds=seconds)
    assert abs(clock.at(clock.real_at(later)) - later) <= timedelta(microseconds=max(2.0, rate))


def test_a_clock_that_stands_still_reaches_no_other_time():
    with pytest.raises(ValueError, match="stands still"):
        Clock(DOMAIN, REAL, 0).real_at(DOMAIN)
    assert clocks(everyone=Clock(DOMAIN, REAL, 0)).real_delay("xixi", timedelta(1)) == timedelta.max


def test_how_long_a_stretch_of_domain_time_really_lasts():
    found = clocks(sandun=Clock(DOMAIN, REAL, 60))
    assert found.real_delay("sandun", timedelta(hours=1)) == timedelta(minutes=1)
    assert found.real_delay("xixi", timedelta(hours=1)) == timedelta(hours=1)


def test_the_double_moves_when_told():
    clock = TestClock(DOMAIN)
    clock.set(REAL, "sandun")
    clock.advance(timedelta(minutes=5))
    assert clock.now("xixi") == DOMAIN + timedelta(minutes=5)
    assert clock.now("sandun") == REAL + timedelta(minutes=5)
    clock.set(DOMAIN)
    assert clock.now("xixi") == DOMAIN
