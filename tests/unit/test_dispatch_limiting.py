"""Limits by matter × condition × stage."""

from dataclasses import replace
from datetime import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qipan.tenancy import load_district
from qipan.tenancy.condition import EMERGENCY, Circumstances, Condition
from qipan.tenancy.dispatch_model import DispatchModel
from qipan.tenancy.dispatch_rules import LimitRule, build
from qipan.worktime import Limit, TimeUnit
from services.dispatch.clocks import USUAL
from services.dispatch.limiting import limits_of, under

NOON = Circumstances("s:06010", "normal", {"duty": "1"}, "app", time(12))
WRITTEN = {
    "limits": {
        "rubbish": {"matters": ["s:06*"], "accept": "40 minutes", "dispose": "3 hours"},
        "this-rubbish": {"matters": ["s:06010"], "accept": "30 minutes"},
        "night": {"hours": ["22:00-06:00"], "matters": ["s:06*"], "accept": "2 hours"},
        "storm": {"mode": "emergency", "priority": 5, "dispose": "30 minutes", "close": "1 hour"},
    }
}
RULES = build("sandun", DispatchModel.model_validate(WRITTEN)).limits


def test_for_each_stage_the_narrowest_rule_that_names_it_counts_and_says_so():
    limits, why = under(RULES, NOON, USUAL)
    assert (limits.accept, limits.dispose) == (Limit.parse("30 minutes"), Limit.parse("3 hours"))
    assert (limits.dispatch, limits.inspect, limits.close) == (USUAL.dispatch, USUAL.inspect, USUAL.close)
    assert why == "accept 30 minutes by this-rubbish (s:06010); dispose 3 hours by rubbish (s:06*)"


def test_priority_goes_before_narrowness_and_hours_and_mode_count():
    limits, why = under(RULES, replace(NOON, mode=EMERGENCY, local=time(23)), USUAL)
    assert str(limits.accept) == "2 hours"
    assert (str(limits.dispose), str(limits.close)) == ("30 minutes", "1 hours")
    assert "by storm (emergency)" in why


def test_where_no_condition_holds_nothing_changes():
    assert under(RULES, replace(NOON, matter="s:01001"), USUAL) == (USUAL, "")
    assert under((), NOON, USUAL) == (USUAL, "")


def test_the_matters_own_limits_come_before_the_towns_usual_ones():
    matter = load_district(Path("districts/xihu")).matters_of("sandun")["s:06010"]
    limits = limits_of(matter, USUAL)
    assert (limits.dispose, limits.close) == (matter.limits.dispose, USUAL.close)


def test_a_rule_of_limits_limits_something():
    with pytest.raises(ValueError, match="names one of"):
        DispatchModel.model_validate({"limits": {"idle": {"mode": "emergency"}}})


@given(
    st.integers(1, 10_000),
    st.sampled_from([TimeUnit.URGENT_HOUR, TimeUnit.WORK_HOUR, TimeUnit.WORK_DAY, TimeUnit.NATURAL_DAY]),
)
def test_a_limit_is_written_as_it_is_read(amount: int, unit: TimeUnit):
    assert Limit.parse(str(Limit(amount, unit))) == Limit(amount, unit)


def test_equal_rules_are_looked_through_by_name():
    rules = [LimitRule(id, Condition(), {"close": Limit.parse("1 hour")}) for id in ("a", "b")]
    assert under(rules, NOON, USUAL)[1] == "close 1 hours by a (always)"
