"""What scaling.md says is what the measured figures come to."""

import json

import pytest

from scripts import scaling

MEASURED = json.loads(scaling.MEASURED.read_text(encoding="utf-8"))
PAGE = scaling.PAGE.read_text(encoding="utf-8")


def test_the_page_says_what_the_figures_come_to() -> None:
    assert scaling.rendered(PAGE, MEASURED) == PAGE


def test_every_table_has_its_place() -> None:
    assert all(f"<!-- scaling:{name} -->" in PAGE for name in scaling.regions(MEASURED))


def test_other_figures_make_another_page() -> None:
    dearer = json.loads(json.dumps(MEASURED))
    dearer["calls"]["ours"]["calls_per_s"] /= 2
    assert scaling.rendered(PAGE, dearer) != PAGE
    assert scaling.call_ms(dearer) == pytest.approx(2 * scaling.call_ms(MEASURED))


def test_a_tier_is_the_sum_of_its_work() -> None:
    measured = {
        "calls": {"ours": {"calls_per_s": 500.0}},  # 2 cores, 500 a second: 4 ms each
        "pairs": {"single": {"ours": {"budget_ms": {"door": 1.0, "database": 3.0}}}},
    }
    busy = scaling.cores(scaling.Tier("a village", 100, 10, 50), measured)
    assert busy["filing"] == pytest.approx((0.04, 0.04))
    assert busy["people's steps"] == pytest.approx((0.4, 0.4))
    assert busy["reads"] == pytest.approx((4.0, 20.0))
    assert busy["positions"] == pytest.approx((0.2, 0.2))
