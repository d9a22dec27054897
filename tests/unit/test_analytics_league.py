"""Indicators, the league and the board."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qipan.tenancy import District, load_district
from qipan.tenancy.indicators import COUNTERS, INDICATORS, PENDING
from qipan.tenancy.known_settings import KNOWN
from services.analytics import board
from services.analytics.league import DEFAULT, WEIGHABLE, ranks, rates, score, setting_of, weights_of

NOW = datetime(2026, 3, 2, 7, 20, tzinfo=UTC)


@pytest.fixture(scope="module")
def district() -> District:
    return load_district(Path("districts/xihu"))


def test_an_indicator_without_a_denominator_has_no_value() -> None:
    assert set(rates({}).values()) == {None}


def test_indicators_are_over_counters_that_exist() -> None:
    known = {*COUNTERS, *PENDING}
    for indicator in INDICATORS:
        for part in (indicator.numerator, indicator.denominator):
            assert known.issuperset(part.plus + part.minus), indicator.id
    assert len({indicator.id for indicator in INDICATORS}) == len(INDICATORS)


def test_rates_by_hand() -> None:
    counts = {
        "received": 20,
        "declined": 4,
        "for_filing": 12,
        "disposed": 6,
        "on_time": 3,
        "closed": 5,
        "closed_on_time": 2,
        "closed_reworked": 2,
        "closure_pending": 1,
        "rework_pending": 1,
        "filed": 12,
        "filed_well": 9,
        "dispatched": 7,
        "dispatched_well": 6,
        "dispatch_pending": 1,
        "inspected": 3,
        "inspected_on_time": 1,
        "inspection_pending": 1,
        "work_minutes": 90,
        "overdue_pending": 2,
        "extended_disposed": 2,
        "extended_pending": 1,
        "offers": 10,
        "returns": 1,
    }
    found = rates(counts)
    assert found["disposal"] == 6 / 8
    assert found["on_time_disposal"] == 3 / 8
    assert found["overdue_pending"] == 2 / 8
    assert found["closure"] == 5 / 6
    assert found["on_time_closure"] == 2 / 6
    assert found["overdue_closure"] == 3 / 6
    assert found["rework"] == 3 / 6
    assert found["on_time_accurate_filing"] == 9 / 12
    assert found["on_time_accurate_dispatch"] == 6 / 8
    assert found["on_time_inspection"] == 1 / 4
    assert found["disposal_work_minutes"] == 15
    assert found["extension"] == 3 / 8
    assert found["filing"] == 12 / 16
    assert found["valid_report"] == 16 / 20
    assert found["returned"] == 0.1
    assert found["satisfaction"] is None


def test_a_score_by_hand_explains_every_point() -> None:
    measured = {"disposal": 0.75, "on_time_disposal": 0.5, "rework": 0.25}
    found = score({**measured, "overdue_pending": 0.25, "extension": 0.5}, DEFAULT)
    lost = {line.indicator: line.lost for line in found.lines}
    assert lost == {
        "disposal": 7.5,
        "on_time_disposal": 10,
        "rework": 5,
        "overdue_pending": 5,
        "extension": 5,
    }
    assert found.value == pytest.approx(100 - 32.5)


def test_a_rate_without_a_value_neither_earns_nor_costs() -> None:
    full = score({"disposal": 1.0, "rework": None}, DEFAULT)
    assert full.value == 100
    assert score({}, DEFAULT).value is None


_rates = st.fixed_dictionaries({name: st.none() | st.floats(0, 1) for name in DEFAULT})


@given(_rates)
def test_a_score_lies_between_0_and_100_and_lost_points_are_what_is_missing(
    found: dict[str, float | None],
) -> None:
    result = score(found, DEFAULT)
    counted = [line for line in result.lines if line.earned is not None]
    if not counted:
        assert result.value is None
        return
    assert result.value is not None
    assert 0 <= result.value <= 100
    possible = sum(line.points for line in counted)
    assert result.value == pytest.approx(100 - 100 * sum(line.lost for line in counted) / possible, abs=1e-5)


@given(st.lists(st.none() | st.integers(0, 5).map(float), max_size=12))
def test_ranks_equals_share_a_place(scores: list[float | None]) -> None:
    placed = ranks(scores)
    for mine, place in zip(scores, placed, strict=True):
        if mine is None:
            assert place is None
        else:
            assert place == 1 + len([other for other in scores if other is not None and other > mine])


def test_weights_of_a_pack(district: District) -> None:
    parts = district.parts[district.id]
    own = {**parts.settings, setting_of("rework"): 35, setting_of("disposal"): 0}
    changed = replace(district, parts={**district.parts, district.id: replace(parts, settings=own)})
    assert weights_of(district) == DEFAULT
    assert weights_of(changed) == {
        "on_time_disposal": 20,
        "rework": 35,
        "overdue_pending": 20,
        "extension": 10,
    }


def test_a_pack_can_weigh_every_indicator_and_nothing_else() -> None:
    known = {key for key in KNOWN if key.startswith("analytics.weight-")}
    assert known == {setting_of(indicator.id) for indicator in WEIGHABLE}


def test_a_shadow_competes_with_shadows_only(district: District) -> None:
    live, shadow = board.league_of(district, "sandun"), board.league_of(district, "sandun~ex7")
    assert len(live) == len(shadow) == 12
    assert not any("~" in town for town in live)
    assert all(town.endswith("~ex7") for town in shadow)


def test_the_district_covers_everybody_and_no_shadow(district: District) -> None:
    covered = board.covered_by(district, "xihu")
    assert {"sandun", "traffic-police", "xihu"} <= set(covered)
    assert not any("~" in tenant for tenant in covered)
    assert board.covered_by(district, "sandun") == ("sandun",)
    assert all(tenant.endswith("~ex7") for tenant in board.covered_by(district, "xihu~ex7"))


def test_standings_are_best_first_and_without_figures_last() -> None:
    counts = {
        "b": {"disposed": 2, "on_time": 1},
        "a": {"disposed": 2, "on_time": 2},
        "d": {"disposed": 4, "on_time": 2, "late": 2, "overdue_pending": 0},
    }
    table = board.standings(counts, ["a", "b", "c", "d"], DEFAULT)
    assert [(standing.tenant, standing.rank) for standing in table] == [
        ("a", 1),
        ("b", 2),
        ("d", 2),
        ("c", None),
    ]
    assert table[2].overdue == 2
    assert table[3].rates["disposal"] is None


def test_a_period_is_whole_local_days_and_the_running_hour() -> None:
    period = board.Period.until(NOW, 30, "Asia/Shanghai")
    assert period.hour == datetime(2026, 3, 2, 7, tzinfo=UTC)
    assert period.today == datetime(2026, 3, 1, 16, tzinfo=UTC)
    assert period.start == period.today - timedelta(days=29)
    assert len(period.hours) == 24
    assert period.hours[-1] == period.hour


def test_the_last_hours_show_empty_ones_too() -> None:
    period = board.Period.until(NOW, 30, "Asia/Shanghai")
    rows = board.hour_rows(
        {period.hour: {"received": 3, "late": 1, "overdue_pending": 2}}, period, "Asia/Shanghai"
    )
    assert len(rows) == 24
    assert rows[-1]["hour"] == "2026-03-02T15:00:00+08:00"
    assert (rows[-1]["received"], rows[-1]["overdue"]) == (3, 3)
    assert rows[0]["received"] == 0
