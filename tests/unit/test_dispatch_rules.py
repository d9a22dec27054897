"""A town's rules, who can be asked, and how far it is: what is chosen and what is said about it."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qipan.tenancy import Severity
from qipan.tenancy.condition import EMERGENCY, Circumstances, Condition, within
from qipan.tenancy.dispatch_rules import DispatchRules, Rule
from qipan.territory.coordinates import metres_between
from services.dispatch.availability import Availability, Presence
from services.dispatch.choosing import Choice, Situation, choose
from services.dispatch.policy import Policy
from services.dispatch.recommending import OWN_RULE, recommend, why_nobody
from services.dispatch.travel import ByRoadFactor
from tests.unit.test_dispatch_choosing import NOW, RUBBISH, situation, squad

NOON = Circumstances("s:06010", "normal", {"duty": "330106109001001"}, "app", time(12))


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        (Condition(), True),
        (Condition(matters=("s:06010",)), True),
        (Condition(matters=("s:06*",)), True),
        (Condition(matters=("s:0601",)), False),
        (Condition(matters=("s:07*", "s:06010")), True),
        (Condition(cells={"duty": ("330106109001*",)}), True),
        (Condition(cells={"duty": ("330106109002*",)}), False),
        (Condition(cells={"squad": ("s1",)}), False),
        (Condition(severities=frozenset({"urgent"})), False),
        (Condition(channels=frozenset({"app", "sensor"})), True),
        (Condition(hours=((time(9), time(12)),)), False),
        (Condition(hours=((time(9), time(10)), (time(12), time(13)))), True),
        (Condition(mode=EMERGENCY), False),
        (Condition(matters=("s:06*",), mode=EMERGENCY), False),
    ],
)
def test_a_condition_holds_when_all_of_it_is_so(condition: Condition, holds: bool) -> None:
    assert condition.holds(NOON) is holds


@given(st.times(), st.times(), st.times())
def test_a_span_and_the_rest_of_the_day_share_no_moment(start: time, end: time, at: time) -> None:
    if start != end:
        assert within((start, end), at) is not within((end, start), at)
    else:
        assert within((start, end), at)


def policy(*rules: Rule, **own: object) -> Policy:
    return Policy(DispatchRules(rules), ZoneInfo("Asia/Shanghai"), **own)  # type: ignore[arg-type]


def asked(choice: Choice | None) -> tuple[str, str | None]:
    assert choice is not None
    return choice.unit.id.removeprefix("sandun/"), choice.worker


SQUADS = (squad("sweep", "s1", "s2"), squad("rescue", "r1", department="emergency"))
NIGHT = Condition(hours=((time(22), time(6)),))


def test_a_rule_goes_before_the_districts_and_is_named() -> None:
    here = replace(
        situation(*SQUADS),
        policy=policy(Rule("rubbish-to-rescue", Condition(("s:06*",)), unit="sandun/rescue")),
    )
    choice = choose(here)
    assert asked(choice) == ("rescue", "r1")
    assert choice is not None
    assert choice.rule == "rule rubbish-to-rescue"
    assert "rubbish-to-rescue" in choice.reasons[0]
    assert asked(choose(replace(here, policy=policy()))) == ("sweep", "s1")


def test_hours_are_the_tenants_own() -> None:
    """NOW is noon in Hangzhou, four o'clock UTC."""
    here = replace(situation(*SQUADS), policy=policy(Rule("night", NIGHT, unit="sandun/rescue")))
    assert asked(choose(here))[0] == "sweep"
    assert asked(choose(replace(here, now=NOW + timedelta(hours=11))))[0] == "rescue"


def test_the_operating_mode_decides_which_rules_hold() -> None:
    rule = Rule("storm", Condition(mode=EMERGENCY), department="emergency")
    here = replace(situation(*SQUADS), policy=policy(rule))
    assert asked(choose(here))[0] == "sweep"
    assert asked(choose(replace(here, field=Availability(mode=EMERGENCY))))[0] == "rescue"


def test_when_nobody_of_a_rule_can_come_the_next_decides() -> None:
    rule = Rule("first", Condition(), unit="sandun/rescue", most_each=2)
    here = replace(situation(*SQUADS, loads={"r1": 1}), policy=policy(rule))
    assert asked(choose(here))[0] == "rescue"
    assert asked(choose(replace(here, loads={"r1": 2})))[0] == "sweep"
    away = Availability({"r1": Presence(available=False, why="off shift")})
    assert asked(choose(replace(here, field=away)))[0] == "sweep"


def test_a_skill_that_is_needed_is_had() -> None:
    able = replace(SQUADS[0], skills={"s2": frozenset({"heights"})})
    here = replace(situation(able), matter=replace(RUBBISH, skills=frozenset({"heights"})))
    assert asked(choose(here)) == ("sweep", "s2")
    everyone = replace(able, unit=replace(able.unit, skills=frozenset({"heights"})))
    assert asked(choose(replace(here, squads=(everyone,)))) == ("sweep", "s1")
    nobody = replace(here, squads=(replace(able, skills={}),))
    assert choose(nobody) is None
    assert "lacks heights" in why_nobody(nobody)


def test_nobody_there_is_said_by_name_and_reason() -> None:
    away = Availability({"s1": Presence(False, "off shift"), "s2": Presence(False, "on the way")})
    here = replace(situation(SQUADS[0]), field=away)
    assert choose(here) is None
    assert all(words in why_nobody(here) for words in ("s1", "off shift", "s2", "on the way"))
    none = situation(SQUADS[1])
    assert "no unit here handles it" in why_nobody(none)
    left = Choice(SQUADS[0].unit, None, ("because", "none of its people can be asked in person"), "squad")
    assert here.ask(SQUADS[0], "because") == left


def test_the_nearer_goes_unless_the_other_has_less_to_do() -> None:
    near, far = (120.001, 30.0), (120.03, 30.0)
    there = Availability({"s1": Presence(at=far), "s2": Presence(at=near)})
    here = replace(situation(SQUADS[0]), field=there)
    assert asked(choose(here))[1] == "s2"
    assert "minutes away" in (choose(here) or pytest.fail("nobody")).reasons[1]
    assert asked(choose(replace(here, loads={"s2": 1})))[1] == "s1"
    patient = replace(here.policy, load_minutes=5.0)
    assert asked(choose(replace(here, loads={"s2": 1}, policy=patient)))[1] == "s2"


def test_whose_place_is_unknown_counts_as_the_farthest() -> None:
    there = Availability({"s2": Presence(at=(120.05, 30.0))})
    assert asked(choose(replace(situation(SQUADS[0]), field=there)))[1] == "s1"
    assert asked(choose(replace(situation(SQUADS[0], loads={"s1": 1}), field=there)))[1] == "s2"


@given(st.floats(119, 121), st.floats(29, 31), st.floats(119, 121), st.floats(29, 31))
def test_the_default_travel_time_is_distance_times_factor_over_speed(
    lon: float, lat: float, to_lon: float, to_lat: float
) -> None:
    start, end = (lon, lat), (to_lon, to_lat)
    expected = metres_between(start, end) / 1000 * 1.5 / 30 * 60
    assert ByRoadFactor(1.5, 30).minutes(start, end) == pytest.approx(expected)


WORKERS = ("a1", "a2", "b1", "b2", "c1")
presences = st.dictionaries(
    st.sampled_from(WORKERS),
    st.builds(
        Presence,
        available=st.booleans(),
        why=st.just("off shift"),
        at=st.none() | st.tuples(st.floats(119.9, 120.1), st.floats(29.9, 30.1)),
    ),
)


@st.composite
def situations(draw: st.DrawFn) -> Situation:
    """Any town of three units, with any rule, in any state."""
    one = squad("a", "a1", "a2", matters=draw(st.sampled_from([(), ("s:06010",)])), own={"a2": "c1"})
    two = squad("b", "b1", "b2", cells=draw(st.sampled_from([(), ("c1",), ("c2",)])))
    three = squad("c", "c1", department="emergency")
    skilled = replace(one, skills={"a1": frozenset({"heights"})})
    rule = Rule(
        "own",
        Condition(severities=draw(st.sampled_from([frozenset(), frozenset({"urgent"})]))),
        unit=draw(st.sampled_from(["sandun/c", "sandun/b"])),
        most_each=draw(st.integers(0, 3)),
    )
    matter = replace(
        RUBBISH,
        skills=draw(st.sampled_from([frozenset(), frozenset({"heights"})])),
        severity=draw(st.sampled_from(Severity)),
    )
    loads: Mapping[str, int] = draw(st.dictionaries(st.sampled_from(WORKERS), st.integers(0, 4)))
    return replace(
        situation(
            skilled, two, three, squad("d"), loads=dict(loads), cell=draw(st.sampled_from(["c1", None]))
        ),
        matter=matter,
        policy=policy(*draw(st.sampled_from([(), (rule,)])), most_each=draw(st.integers(0, 3))),
        field=Availability(draw(presences)),
        declined=draw(st.sampled_from([frozenset(), frozenset({"sandun/a"})])),
    )


@given(situations())
def test_a_recommendation_says_what_is_chosen_and_why_everybody_else_is_not(here: Situation) -> None:
    choice = choose(here)
    together = choose(replace(here, policy=replace(here.policy, together=True)))
    recommended = recommend(here, choice)
    first = recommended.first
    units = {one.unit.id for one in here.squads}
    passed = [one.unit for one in recommended.passed_over if one.worker is None]
    if choice is None:
        assert first is None
        assert together is None
        assert recommended.why
        assert set(passed) == units
        return
    assert together is not None
    assert (together.unit, together.worker, together.reasons) == (choice.unit, choice.worker, choice.reasons)
    assert first is not None
    assert (first.seat.unit, first.seat.worker, first.rule) == (choice.unit, choice.worker, choice.rule)
    assert first.reasons == choice.reasons
    assert len(passed) == len(set(passed))
    assert {*passed, choice.unit.id} == units
    colleagues = {id for one in here.squads if one.unit == choice.unit for id, _ in one.workers}
    mates = [one.worker for one in recommended.passed_over if one.worker is not None]
    assert {*mates} == colleagues - {choice.worker}
    assert all(one.rule and one.why for one in recommended.passed_over)


def test_what_passed_over_each_is_told_by_its_rule() -> None:
    here = replace(
        situation(
            squad("sweep", "s1", "s2", "s3", cells=("c1",)),
            squad("wide", "w1"),
            squad("far", "f1", cells=("c9",)),
            squad("order", "o1", department="urban-management"),
            squad("tired", "t1", cells=("c1",)),
        ),
        loads={"s2": 1, "t1": 5},
        policy=policy(most_each=5),
        field=Availability({"s3": Presence(False, "off shift")}),
        declined=frozenset(),
    )
    by = {(one.unit, one.worker): one.rule for one in recommend(here, choose(here)).passed_over}
    assert by == {
        ("sandun/sweep", "s2"): "travel-and-load",
        ("sandun/sweep", "s3"): "available",
        ("sandun/wide", None): "area",
        ("sandun/far", None): "area",
        ("sandun/order", None): "matter",
        ("sandun/tired", None): "load",
    }


def test_a_towns_own_choice_goes_first_and_is_said_to_be() -> None:
    here = situation(*SQUADS)
    own = here.ask(SQUADS[1], "ours first")
    recommended = recommend(here, own)
    assert recommended.first is not None
    assert (recommended.first.seat.worker, recommended.first.rule) == ("r1", OWN_RULE)
    assert recommended.passed_over[0].rule == OWN_RULE
    assert [c.seat.worker for c in recommended.candidates] == ["r1", "s1", "s2"]
