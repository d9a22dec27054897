"""吹哨报到 on a real database: three departments summoned, each with its clock, heard where it should be."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from dispatch_desk import MONDAY_NOON, Desk, build_dispatch, triaged

from qipan.contracts.commands import VoidCase
from qipan.contracts.errors import Conflict, Forbidden, IllegalTransition, Invalid, NotFound
from qipan.contracts.modes import Mode, SwitchMode
from qipan.contracts.whistle import AnswerWhistle, BlowWhistle, EndWhistle, ListWhistles, WhistleState
from qipan.storage import Timer, timers
from qipan.testing import Databases
from services.dispatch import whistle_store
from services.dispatch.entrypoints.whistle import WHISTLE_DUE

DISPATCHER = "sandun.dispatcher.1"
THREE = ("traffic-police", "water", "police")


@pytest.fixture
def desk(database_url: Databases) -> Iterator[Desk]:
    desk = Desk.open(database_url(build_dispatch))
    desk.file(triaged("r1"))
    yield desk
    desk.database.close()


def blow(desk: Desk, who: str = DISPATCHER, **changes: Any) -> WhistleState:
    asked = {
        "case_id": desk.cases()[0].case_id,
        "departments": THREE,
        "reason": "路口积水，车辆滞留",
        **changes,
    }
    return desk.ask(who, BlowWhistle(**asked))


def come(desk: Desk, whistle: WhistleState, who: str, department: str, **given: Any) -> WhistleState:
    tenant = given.pop("tenant", "sandun")
    answer = AnswerWhistle(whistle_id=whistle.whistle_id, department=department, **given)
    return desk.ask(who, answer, tenant=tenant)


def let_pass(desk: Desk, time: timedelta) -> int:
    desk.clock.advance(time)
    with desk.database.begin() as work:
        due = timers.take_due(work.conn, "dispatch", WHISTLE_DUE, desk.clock.now("sandun"))
        if due:
            desk.service.whistle_due(work, due)
        return len(due)


def told(desk: Desk) -> list[tuple[str, str]]:
    return [(tenant, m["type"]) for tenant, m in desk.said() if m["type"].startswith("whistle")]


def test_three_departments_are_summoned_and_each_ones_arrival_is_recorded(desk: Desk) -> None:
    whistle = blow(desk)
    assert [one.department for one in whistle.summons] == list(THREE)
    assert {one.due_at for one in whistle.summons} == {MONDAY_NOON + timedelta(minutes=30)}
    desk.clock.advance(timedelta(minutes=10))
    come(desk, whistle, "sandun.water.1", "water", arrived=False, note="已出发")
    desk.clock.advance(timedelta(minutes=5))
    come(desk, whistle, "sandun.water.2", "water")
    come(desk, whistle, "sandun.water.1", "water")
    state = come(desk, whistle, "traffic-police", "traffic-police", tenant="traffic-police")
    arrived = {one.department: (one.arrived_at, one.arrived_by) for one in state.summons}
    there = MONDAY_NOON + timedelta(minutes=15)
    assert arrived == {
        "traffic-police": (there, "traffic-police"),
        "water": (there, "sandun.water.2"),
        "police": (None, None),
    }
    assert [answer.note for one in state.summons for answer in one.answers if not answer.arrived] == [
        "已出发"
    ]
    assert let_pass(desk, timedelta(minutes=14)) == 0
    assert let_pass(desk, timedelta(minutes=2)) == 3
    assert let_pass(desk, timedelta(days=1)) == 0
    late = come(desk, whistle, "sandun.police.1", "police").summons[2]
    assert late.overdue_at is not None
    assert late.arrived_at is not None
    assert late.arrived_at > late.due_at
    over = desk.ask(DISPATCHER, EndWhistle(whistle_id=whistle.whistle_id, outcome="积水已排除"))
    assert (over.ended_by, over.outcome) == (DISPATCHER, "积水已排除")
    heard = told(desk)
    kinds = ["blown", *["answered"] * 4, "overdue", "answered", "ended"]
    assert [type for tenant, type in heard if tenant == "sandun"] == [f"whistle.{kind}.v1" for kind in kinds]
    assert {tenant for tenant, _ in heard} == {"sandun", "traffic-police"}
    assert len(heard) == 2 * len(kinds)
    overdue = next(m["data"] for _, m in desk.said() if m["type"] == "whistle.overdue.v1")
    assert overdue["to"]["departments"] == ["police"]


def test_who_is_told_of_first_is_told_of_once_by_whichever_replica(desk: Desk) -> None:
    whistle = blow(desk)
    desk.clock.advance(timedelta(hours=1))
    due = [
        Timer("sandun", WHISTLE_DUE, f"{whistle.whistle_id} {department}", MONDAY_NOON, {})
        for department in THREE
    ]
    for _ in range(2):
        with desk.database.begin() as work:
            desk.service.whistle_due(work, due)
    assert [type for tenant, type in told(desk) if tenant == "sandun"].count("whistle.overdue.v1") == 3


def test_a_timer_does_not_wait_for_a_whistle_that_somebody_works_on(desk: Desk) -> None:
    whistle = blow(desk)
    with desk.database.begin() as other:
        whistle_store.find(other.conn, "sandun", whistle.whistle_id)
        assert let_pass(desk, timedelta(hours=1)) == 3
        assert "whistle.overdue.v1" not in {type for _, type in told(desk)}
    assert let_pass(desk, timedelta()) == 3
    assert "whistle.overdue.v1" in {type for _, type in told(desk)}


def test_everyone_who_arrives_at_once_is_recorded(desk: Desk) -> None:
    whistle = blow(desk)
    people = [
        ("sandun.water.1", "water"),
        ("sandun.police.1", "police"),
        ("sandun.traffic.1", "traffic-police"),
    ]
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda one: come(desk, whistle, *one), people))
    [state] = desk.ask(DISPATCHER, ListWhistles()).whistles
    assert all(one.arrived_at for one in state.summons)


def test_each_sees_and_answers_only_for_their_own(desk: Desk) -> None:
    whistle = blow(desk, departments=("water", "traffic-police"))
    for who in ("sandun.water.1", DISPATCHER, "sandun.town-lead.1", "sandun.traffic.2"):
        assert desk.ask(who, ListWhistles()).whistles == (whistle,)
    assert desk.ask("sandun.police.1", ListWhistles()).whistles == ()
    own = desk.ask("traffic-police.dispatcher.1", ListWhistles(), tenant="traffic-police").whistles
    assert own == (whistle,)
    for who, department in (
        ("sandun.water.1", "traffic-police"),
        ("beishan.water.1", "water"),
        ("traffic-police.dispatcher.1", "water"),
        (DISPATCHER, "water"),
    ):
        with pytest.raises(Forbidden):
            come(desk, whistle, who, department)
    with pytest.raises(Invalid, match="summoned"):
        come(desk, whistle, "sandun.police.1", "police")
    with pytest.raises(NotFound):
        desk.ask("sandun.water.1", AnswerWhistle(whistle_id="none", department="water"))
    with pytest.raises(Forbidden):
        desk.ask("traffic-police.dispatcher.1", EndWhistle(whistle_id=whistle.whistle_id, outcome="x"))


def test_a_long_list_has_pages_of_ones_own_alone(desk: Desk) -> None:
    """Others' whistles take no room on a page; of those blown at one moment none is lost between two."""
    desk.file(*(triaged(f"r{n}") for n in range(2, 8)))
    for number, case in enumerate(desk.cases()):
        blow(desk, case_id=case.case_id, departments=("police",) if number % 2 else ("water",))
    asked, found = ListWhistles(limit=2), []
    while True:
        page = desk.ask("sandun.water.1", asked)
        assert 1 <= len(page.whistles) <= 2
        found += page.whistles
        if page.next is None:
            break
        asked = ListWhistles(limit=2, after=page.next)
    assert len(found) == len({one.whistle_id for one in found}) == 4
    assert {one.summons[0].department for one in found} == {"water"}
    order = [(one.blown_at, one.whistle_id) for one in found]
    assert order == sorted(order, reverse=True)
    assert len(desk.ask(DISPATCHER, ListWhistles(limit=7)).whistles) == 7
    with pytest.raises(Invalid):
        desk.ask(DISPATCHER, ListWhistles(after="yesterday"))


def test_a_whistle_that_cannot_be_blown_says_all_that_is_wrong(desk: Desk) -> None:
    with pytest.raises(Invalid) as refused:
        blow(desk, departments=("water", "nobody"), reason=" ", lon=120.0)
    assert [fault.where for fault in refused.value.faults] == ["departments", "reason", "lon"]
    assert "water" in (refused.value.faults[0].allowed or "")
    for who in ("sandun.sweep.1", "sandun.acceptor.1", "beishan.dispatcher.1"):
        with pytest.raises(Forbidden):
            blow(desk, who)
    assert told(desk) == []


def test_one_whistle_for_a_case_at_a_time_and_none_for_one_that_is_over(desk: Desk) -> None:
    whistle = blow(desk)
    with pytest.raises(Conflict) as refused:
        blow(desk)
    assert refused.value.context["whistle"]["whistle_id"] == whistle.whistle_id
    desk.ask(DISPATCHER, EndWhistle(whistle_id=whistle.whistle_id, outcome="误报"))
    with pytest.raises(IllegalTransition):
        come(desk, whistle, "sandun.water.1", "water")
    assert let_pass(desk, timedelta(hours=1)) == 3
    assert "whistle.overdue.v1" not in {type for _, type in told(desk)}
    desk.ask("sandun.shift-leader.1", VoidCase(case_id=desk.case().case_id, reason="误报"))
    with pytest.raises(IllegalTransition, match="voided"):
        blow(desk)


def test_in_an_emergency_there_is_less_time(desk: Desk) -> None:
    parts = dict(desk.process.district.parts)
    parts["sandun"] = replace(
        parts["sandun"],
        settings={**parts["sandun"].settings, "dispatch.whistle-limit-emergency": "10 minutes"},
    )
    other = Desk.on(desk, replace(desk.process.district, parts=parts))
    other.ask("sandun.town-lead.1", SwitchMode(mode=Mode.EMERGENCY, level=2, reason="台风"))
    assert blow(other, "sandun.town-lead.1").summons[0].due_at == MONDAY_NOON + timedelta(minutes=10)
