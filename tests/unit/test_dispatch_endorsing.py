"""部门意见: whose word a request for time needs, who may give it, and what comes only after it."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from case_samples import case

from qipan.contracts.case import CaseState, ClockState, Handover, HandoverState, Stage, TimeAsked
from qipan.contracts.errors import Forbidden, Invalid
from qipan.worktime import Calendar, Span
from services.dispatch import endorsing, timing
from services.dispatch.clocks import USUAL, Deadlines
from services.dispatch.commanding import Desk
from services.dispatch.endorsing import Way, way_of
from services.dispatch.process import STANDARD, Do
from services.dispatch.steps import Actor, Brings
from services.dispatch.timed import Timed

NOON = datetime(2026, 5, 11, 4, tzinfo=UTC)
ALWAYS = Calendar(ZoneInfo("Asia/Shanghai"), (Span(time(9), time(17)),), lambda day: True)
DEADLINES = Deadlines(USUAL, ALWAYS)
POLICE = Actor("traffic-police.dispatcher.1", frozenset({"dispatcher"}), "traffic-police")
TOWN = Actor("sandun.dispatcher.1", frozenset({"dispatcher"}), "sandun")
HANDLER = Actor("sandun.traffic.1", frozenset({"handler"}), "sandun")
DESK = Desk("traffic-police", "traffic-police", (POLICE.id,))


def in_hand(awaits: str | None = None, **changes: object) -> CaseState:
    asked = TimeAsked(
        kind="extension",
        level="town",
        by=HANDLER.id,
        at=NOON,
        reason="等配件",
        until=NOON + timedelta(days=2),
        awaits=awaits,
    )
    given = {
        "stage": Stage.ACCEPTED,
        "stage_times": {Stage.ACCEPTED: NOON},
        "due_at": NOON + timedelta(days=1),
        "clock": ClockState(asked=asked),
        **changes,
    }
    return case(**given)


def take(before: CaseState, do: Do, actor: Actor, timed: Timed, reason: str | None = None) -> CaseState:
    return STANDARD.step(before, do, actor, NOON, DEADLINES, Brings(reason=reason, time=timed))


def extend(before: CaseState, actor: Actor, *, of_district: bool = False) -> CaseState:
    return take(before, Do.EXTEND, actor, timing.decided(before, NOON, DEADLINES, of_district=of_district))


def test_a_request_goes_by_its_department_unless_nobody_there_could_endorse_it() -> None:
    taken = Handover(
        to="traffic-police",
        state=HandoverState.ACCEPTED,
        reason="r",
        by="x",
        at=NOON,
        holder="traffic-police",
    )
    lead = Actor(POLICE.id, frozenset({"handler"}), "sandun")
    both = Actor("p.9", frozenset({"handler", "dispatcher"}), "traffic-police")
    abroad = Desk("traffic-police", "traffic-police~ex7", ())
    asked = in_hand()
    for who, desk, first, state, expected, word in (
        (HANDLER, DESK, True, asked, "traffic-police", ""),
        (HANDLER, abroad, True, case(tenant="sandun~ex7"), "traffic-police~ex7", ""),
        (HANDLER, DESK, False, asked, None, "dispatch.time-endorsement"),
        (HANDLER, None, True, asked, None, "no department"),
        (HANDLER, Desk("sanitation", "xihu", ("xihu.dispatcher.1",)), True, asked, None, "no dispatcher"),
        (HANDLER, DESK, True, in_hand(handover=taken), None, "commands the case"),
        (lead, DESK, True, asked, None, POLICE.id),
        (both, DESK, True, asked, None, "p.9"),
    ):
        way = way_of(state, who, desk, department_first=first)
        assert way.department == expected, way
        assert word in way.why
        assert way.detail() == ({"endorses": expected} if expected else {"straight": way.why})


def test_only_what_was_asked_for_waits() -> None:
    nothing = Timed(NOON)
    assert endorsing.first_to(nothing, Way("traffic-police")) is nothing
    clock = Timed(NOON, {"clock": in_hand().clock})
    assert endorsing.first_to(clock, Way(why="nobody")) is clock
    assert endorsing.first_to(clock, Way("traffic-police")).changes["clock"].asked.awaits == "traffic-police"


def test_nobody_decides_before_the_department_has_spoken_and_it_does_not_decide_itself() -> None:
    waits = in_hand("traffic-police")
    refusal = timing.refused(waits, NOON, of_district=True)
    for decide in (lambda: extend(waits, TOWN), lambda: take(waits, Do.REFUSE_TIME, TOWN, refusal)):
        with pytest.raises(Invalid) as early:
            decide()
        [fault] = early.value.faults
        assert "traffic-police has not endorsed" in fault.what
        assert "dispatcher of traffic-police" in (fault.allowed or "")
    with pytest.raises(Forbidden, match="dispatcher of traffic-police"):
        take(waits, Do.ENDORSE_TIME, TOWN, endorsing.endorsed(waits, TOWN.id, NOON, ""))
    agreed = take(waits, Do.ENDORSE_TIME, POLICE, endorsing.endorsed(waits, POLICE.id, NOON, "属实"))
    assert agreed.due_at == waits.due_at
    asked = agreed.clock and agreed.clock.asked
    assert asked
    assert asked.endorsed
    assert (asked.awaits, asked.endorsed.by, asked.endorsed.reason) == (None, POLICE.id, "属实")
    with pytest.raises(Invalid, match="lacks") as twice:
        take(agreed, Do.ENDORSE_TIME, POLICE, endorsing.endorsed(agreed, POLICE.id, NOON, ""))
    assert "has endorsed it" in twice.value.faults[0].what
    with pytest.raises(Forbidden, match="dispatcher of sandun decides"):
        extend(agreed, POLICE)
    assert extend(agreed, TOWN).due_at == asked.until
    district = Actor("xihu.dispatcher.1", frozenset({"dispatcher"}), "xihu")
    assert extend(agreed, district, of_district=True).due_at == asked.until
    # The control: what went straight needs no such word.
    assert extend(in_hand(), TOWN).due_at == asked.until


def test_a_department_refuses_with_a_reason_and_endorses_nothing_once_overdue() -> None:
    waits = in_hand("traffic-police")
    with pytest.raises(Invalid) as silent:
        take(waits, Do.REFUSE_ENDORSEMENT, POLICE, endorsing.unendorsed(waits, NOON, " "), " ")
    assert [fault.where for fault in silent.value.faults] == ["reason"]
    no = take(waits, Do.REFUSE_ENDORSEMENT, POLICE, endorsing.unendorsed(waits, NOON, "配件有"), "配件有")
    assert (no.clock, no.due_at, no.reason) == (None, waits.due_at, "配件有")
    late = Timed(waits.due_at or NOON, endorsing.endorsed(waits, POLICE.id, NOON, "").changes)
    with pytest.raises(Invalid) as over:
        take(waits, Do.ENDORSE_TIME, POLICE, late)
    assert "deadline passed" in over.value.faults[0].what
