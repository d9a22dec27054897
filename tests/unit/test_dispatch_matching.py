"""Sharing out a batch: nobody does better, nobody gets more than the most; and the crews that run cards send."""

from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qipan.contracts.case import Support, SupportState
from qipan.tenancy import load_district
from qipan.tenancy.condition import EMERGENCY, PEACETIME, Condition
from qipan.tenancy.dispatch_rules import CrewLine, DispatchRules, RunCard
from services.dispatch.availability import Availability, Presence
from services.dispatch.cards import crew_for
from services.dispatch.choosing import Choice, choose
from services.dispatch.grounds import Grounds
from services.dispatch.matching import NEVER, match, rematched
from services.dispatch.policy import Policy
from services.dispatch.squads import Seat
from tests.unit.test_dispatch_choosing import NOW, situation, squad

UNIT = squad("sweep").unit
WORKERS = ("a", "b", "c")


def cost(taken: tuple[Seat, ...], loads: dict[str, int], load_minutes: float) -> float:
    """What a way of sharing out costs: each case's travel, and the load that its worker has by then."""
    has, total = dict(loads), 0.0
    for seat in taken:
        worker = seat.worker or ""
        if seat.most and has.get(worker, 0) >= seat.most:
            return NEVER
        total += (seat.minutes or 0.0) + load_minutes * has.get(worker, 0)
        has[worker] = has.get(worker, 0) + 1
    return total


@st.composite
def batches(draw: st.DrawFn) -> tuple[list[list[Seat]], dict[str, int]]:
    most = draw(st.sampled_from([0, 0, 2, 3]))
    loads = draw(st.dictionaries(st.sampled_from(WORKERS), st.integers(0, 3)))
    cases = [
        [
            Seat(UNIT, worker, loads.get(worker, 0), float(draw(st.integers(0, 60))), most=most)
            for worker in sorted(draw(st.sets(st.sampled_from(WORKERS), min_size=1)))
        ]
        for _ in range(draw(st.integers(1, 4)))
    ]
    return cases, loads


@settings(max_examples=60, deadline=None)
@given(batches(), st.sampled_from([0.0, 5.0, 15.0]))
def test_no_other_way_of_sharing_out_costs_less(
    batch: tuple[list[list[Seat]], dict[str, int]], load_minutes: float
) -> None:
    cases, loads = batch
    taken = match(cases, loads, load_minutes)
    least = min(cost(way, loads, load_minutes) for way in product(*cases))
    if least < NEVER:
        assert all(seat is not None for seat in taken)
        assert abs(cost(tuple(s for s in taken if s), loads, load_minutes) - least) < 1e-6
    else:  # there is not room for all: whoever is taken still has it
        assert None in taken
        assert cost(tuple(s for s in taken if s), loads, load_minutes) < NEVER


def test_one_after_the_other_is_sometimes_worse() -> None:
    """The first case takes the worker whom the second would have needed more."""
    near = [Seat(UNIT, "a", 0, 1.0), Seat(UNIT, "b", 0, 2.0)]
    torn = [Seat(UNIT, "a", 0, 1.0), Seat(UNIT, "b", 0, 40.0)]
    choices = [Choice(UNIT, "a", ("why", "near"), "district", tuple(seats)) for seats in (near, torn)]
    assert [choice.worker for choice in rematched(choices, {}, 30.0)] == ["b", "a"]
    assert all("shared out with 2" in choice.reasons[-1] for choice in rematched(choices, {}, 30.0))


def test_a_whole_unit_or_nobody_is_left_as_it_is() -> None:
    whole = Choice(UNIT, None, ("why", "nobody"), "district", (Seat(UNIT, None),))
    assert rematched([whole], {}, 15.0) == [whole]
    assert match([], {}, 15.0) == []


FLOOD = RunCard(
    "flood",
    Condition(mode=EMERGENCY),
    (
        CrewLine(lead=True, number=2, department="water", skills=frozenset({"pump"})),
        CrewLine(lead=False, number=1, unit="sandun/traffic"),
        CrewLine(lead=False, number=2, unit="sandun/rescue"),
    ),
)
WATER = replace(
    squad("water", "w1", "w2", "w3", department="water"),
    skills={"w2": frozenset({"pump"}), "w3": frozenset({"pump"})},
)
TOWN = (
    squad("sweep", "s1"),
    WATER,
    squad("traffic", "t1", department="traffic-police"),
    squad("rescue", "r1", department="emergency"),
)


def test_a_run_card_sends_its_lead_and_support_or_says_why_it_cannot() -> None:
    here = replace(
        situation(*TOWN),
        policy=Policy(DispatchRules(cards=(FLOOD,))),
        field=Availability({"t1": Presence(False, "off shift")}, EMERGENCY),
    )
    lead = choose(here)
    assert lead is not None
    assert (lead.worker, lead.rule) == ("w2", "card flood")
    crew = crew_for(here, lead)
    assert [(b.line.lead, b.seat.worker if b.seat else None) for b in crew.berths] == [
        (True, "w2"),
        (True, "w3"),
        (False, None),
        (False, "r1"),
        (False, None),
    ]
    assert [berth.why for berth in crew.support if berth.seat is None] == [
        "t1 is not there: off shift",
        "r1 is of this crew already",
    ]


def test_a_place_that_was_filled_is_not_filled_again() -> None:
    """Whoever supports the case takes a place of the card's, however it was opened and however far it has come."""
    here = replace(
        situation(*TOWN), policy=Policy(DispatchRules(cards=(FLOOD,))), field=Availability(mode=EMERGENCY)
    )
    lead = choose(here)
    assert lead is not None
    known = [
        Support(task_id=id, unit=unit, worker=worker, state=state, asked_at=NOW, changed_at=NOW)
        for id, unit, worker, state in (
            ("s1", "sandun/rescue", "r1", SupportState.DONE),
            ("s2", "sandun/sweep", "s1", SupportState.ASKED),  # no place of the card's
            ("s3", "sandun/rescue", None, SupportState.EXCUSED),
        )
    ]
    berths = crew_for(here, lead, TOWN, known).berths
    assert [(b.task_id, b.seat.worker if b.seat else None) for b in berths] == [
        (None, "w2"),
        (None, "w3"),
        (None, "t1"),
        ("s1", "r1"),
        ("s3", None),
    ]


def test_a_place_for_who_may_not_be_commanded_says_so() -> None:
    here = replace(
        situation(*(one for one in TOWN if one.unit.id != "sandun/traffic")),
        policy=Policy(DispatchRules(cards=(FLOOD,))),
        field=Availability(mode=EMERGENCY),
        withheld={"sandun/traffic": "traffic-police has granted no mandate here"},
    )
    whys = [berth.why for berth in crew_for(here, choose(here), TOWN).support]
    assert "sandun/traffic may not be commanded here: traffic-police has granted no mandate here" in whys


def test_without_a_card_that_holds_nobody_else_is_sent() -> None:
    here = replace(situation(*TOWN), policy=Policy(DispatchRules(cards=(FLOOD,))))
    assert crew_for(here, choose(here)).berths == ()
    assert (choose(here) or Choice(UNIT, None, ())).worker == "s1"


@given(st.sets(st.sampled_from(["w1", "w2", "w3", "t1", "r1"])))
def test_nobody_is_sent_twice(away: set[str]) -> None:
    here = replace(
        situation(*TOWN),
        policy=Policy(DispatchRules(cards=(FLOOD,))),
        field=Availability({id: Presence(False, "off shift") for id in away}, EMERGENCY),
    )
    crew = crew_for(here, choose(here))
    sent = [berth.seat.worker for berth in crew.berths if berth.seat]
    assert len(sent) == len(set(sent))
    assert not away & set(sent)
    assert all(berth.seat or berth.why for berth in crew.berths)


@pytest.mark.parametrize(("mode", "crew"), [(PEACETIME, 2), (EMERGENCY, 5)])
def test_xihus_high_water_takes_more_in_an_emergency(mode: str, crew: int) -> None:
    district = load_district(Path(__file__).parents[2] / "districts/xihu")
    ground = Grounds(district).of("wenxin")
    here = replace(
        situation(*ground.squads),
        tenant="wenxin",
        matter=ground.matters["x-xihu:em:00002"],
        policy=ground.policy,
        field=Availability(mode=mode),
    )
    lead = choose(here)
    assert lead is not None
    assert lead.unit.department == "water"
    berths = crew_for(here, lead).berths
    assert len(berths) == crew
    assert all(berth.seat for berth in berths)
