"""Time on a real database: asked for, decided, listed; clocks that pause, go on and are told upwards."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from dispatch_desk import MONDAY_NOON, Desk, build_dispatch, triaged, xihu
from sqlalchemy import text

from qipan.contracts.case import Stage
from qipan.contracts.commands import AcceptTask, DisposeTask, ReturnTask, VoidCase
from qipan.contracts.errors import Conflict, Forbidden, IllegalTransition, Invalid
from qipan.contracts.queries import GetCase, ListWork, TellCase
from qipan.contracts.returns import RefuseReturn
from qipan.contracts.timing import (
    AskForTime,
    DecideTime,
    EndorseTime,
    ListSuspended,
    ListTimeRequests,
    ResumeCase,
)
from qipan.storage import timers
from qipan.testing import Databases
from services.dispatch.telling import ESCALATE, STAGE_DUE, SUSPENSION_OVER
from tests.faults.verdict import TIMERS_TWICE

DISPATCHER = "sandun.dispatcher.1"
POLICE = "traffic-police.dispatcher.1"


@pytest.fixture
def desk(database_url: Databases) -> Iterator[Desk]:
    desk = Desk.open(database_url(build_dispatch))
    yield desk
    desk.database.close()


def in_hand(desk: Desk, matter: str = "s:06010") -> str:
    desk.file(triaged("r1", matter=matter))
    case = desk.case()
    desk.ask(case.worker or "", AcceptTask(case_id=case.case_id))
    return case.case_id


def asks(desk: Desk, case_id: str, **request: Any) -> Any:
    request = {"case_id": case_id, "reason": "等配件", **request}
    return desk.ask(desk.case().worker or "", AskForTime(**request))


def fire(desk: Desk, kind: str, handler: Any) -> int:
    with desk.database.begin() as work:
        due = timers.take_due(work.conn, "dispatch", kind, desk.clock.now("sandun"), limit=100)
        if due:
            handler(work, due)
        return len(due)


def open_clocks(desk: Desk) -> list[tuple[str, str]]:
    rows = desk.rows("SELECT clock, state FROM dispatch.clocks WHERE ended_at IS NULL")
    return [(row.clock, row.state) for row in rows]


def test_an_extension_is_asked_for_approved_and_runs(desk: Desk) -> None:
    case_id = in_hand(desk)
    due = desk.case().due_at
    answer = asks(desk, case_id, kind="extension", by="2 work-hours")
    assert (answer.case.due_at, answer.light.colour) == (due, "green")
    [waiting] = desk.ask(DISPATCHER, ListTimeRequests()).requests
    assert (waiting.kind, waiting.level, waiting.reason) == ("extension", "town", "等配件")
    with pytest.raises(Forbidden):
        desk.ask(desk.case().worker or "", DecideTime(case_id=case_id, approved=True))
    with pytest.raises(Forbidden):
        desk.ask("beishan.dispatcher.1", DecideTime(case_id=case_id, approved=True))
    case = desk.ask(DISPATCHER, DecideTime(case_id=case_id, approved=True)).case
    assert case.due_at == waiting.until > due
    assert case.counters.extensions == 1
    assert desk.ask(DISPATCHER, ListTimeRequests()).requests == ()
    assert open_clocks(desk) == [("dispose", "running")]
    assert [t.due_at for t in desk.rows("SELECT due_at FROM dispatch.timers")] == [case.due_at]
    clocks = desk.rows("SELECT due_at FROM dispatch.clocks WHERE ended_at IS NULL")
    assert clocks[0].due_at == case.due_at
    said = [m["type"] for _, m in desk.said()]
    assert said[-2:] == ["time.asked.v1", "case.extended.v1"]
    told = desk.ask("sandun.supervisor.1", TellCase(subject=case_id)).happenings
    assert [h.what for h in told][-2:] == ["ask-time", "extend"]
    assert told[-2].detail["straight"] == "sanitation has no dispatcher of its own who could endorse it"


def test_a_department_with_people_of_its_own_endorses_before_the_dispatcher_decides(desk: Desk) -> None:
    case_id = in_hand(desk, "s:09009")
    due, worker = desk.case().due_at, desk.case().worker
    assert asks(desk, case_id, kind="extension", by="1 work-hour").case.due_at == due
    assert desk.ask(DISPATCHER, ListTimeRequests()).requests == ()
    [waiting] = desk.ask(POLICE, ListTimeRequests(), tenant="traffic-police").requests
    assert (waiting.case.case_id, waiting.by, waiting.awaits) == (case_id, worker, "traffic-police")
    with pytest.raises(Invalid) as early:
        desk.ask(DISPATCHER, DecideTime(case_id=case_id, approved=True))
    assert "traffic-police has not endorsed it yet" in early.value.faults[0].what
    yes = EndorseTime(case_id=case_id, endorsed=True, reason="情况属实")
    for who, tenant in ((DISPATCHER, "sandun"), (worker or "", "sandun")):
        with pytest.raises(Forbidden):
            desk.ask(who, yes, tenant=tenant)
    assert desk.ask(POLICE, yes, tenant="traffic-police").case.due_at == due
    assert desk.ask(POLICE, ListTimeRequests(), tenant="traffic-police").requests == ()
    [waiting] = desk.ask(DISPATCHER, ListTimeRequests()).requests
    assert (waiting.awaits, waiting.endorsed_by) == (None, POLICE)
    with pytest.raises(Forbidden, match="sandun decides"):
        desk.ask(POLICE, DecideTime(case_id=case_id, approved=True), tenant="traffic-police")
    assert desk.ask(DISPATCHER, DecideTime(case_id=case_id, approved=True)).case.due_at > due
    told = desk.ask("sandun.supervisor.1", TellCase(subject=case_id)).happenings[-3:]
    assert [h.what for h in told] == ["ask-time", "endorse-time", "extend"]
    assert told[0].detail["endorses"] == "traffic-police"
    assert (told[1].who, told[1].authority) == (POLICE, "dispatcher@traffic-police")
    said = [(tenant, m["type"]) for tenant, m in desk.said()[-3:]]
    assert said == [("sandun", t) for t in ("time.asked.v1", "time.endorsed.v1", "case.extended.v1")]


def test_what_a_department_refuses_or_leaves_lying_is_on_nobodys_list(desk: Desk) -> None:
    case_id = in_hand(desk, "s:09009")
    due = desk.case().due_at
    asks(desk, case_id, kind="suspension")
    with pytest.raises(Invalid):
        desk.ask(POLICE, EndorseTime(case_id=case_id, endorsed=False), tenant="traffic-police")
    no = EndorseTime(case_id=case_id, endorsed=False, reason="配件在库")
    case = desk.ask(POLICE, no, tenant="traffic-police").case
    assert (case.clock, case.due_at, case.reason) == (None, due, "配件在库")
    asks(desk, case_id, kind="extension", by="1 work-hour")
    assert desk.let_pass(timedelta(days=3)) == 1
    yes = EndorseTime(case_id=case_id, endorsed=True)
    with pytest.raises(Conflict, match="as it is now"):
        desk.ask(POLICE, yes, tenant="traffic-police")
    rows = desk.rows("SELECT state, decided_by FROM dispatch.time_requests ORDER BY version")
    assert [tuple(row) for row in rows] == [("refused", POLICE), ("lapsed", "system")]
    for who, tenant in ((DISPATCHER, "sandun"), (POLICE, "traffic-police")):
        assert desk.ask(who, ListTimeRequests(), tenant=tenant).requests == ()


def test_the_districts_list_holds_what_goes_beyond_the_towns_most(desk: Desk) -> None:
    case_id = in_hand(desk)
    asks(desk, case_id, kind="extension", by="5 work-days")
    with pytest.raises(Forbidden, match="district"):
        desk.ask(DISPATCHER, DecideTime(case_id=case_id, approved=True))
    [waiting] = desk.ask("xihu.dispatcher.1", ListTimeRequests(), tenant="xihu").requests
    assert (waiting.case.case_id, waiting.level) == (case_id, "district")
    answer = desk.ask("xihu.dispatcher.1", DecideTime(case_id=case_id, approved=True))
    assert answer.case.due_at == waiting.until
    assert desk.ask("xihu.dispatcher.1", ListTimeRequests(), tenant="xihu").requests == ()


def test_a_refusal_and_a_lapse_leave_the_deadline(desk: Desk) -> None:
    case_id = in_hand(desk)
    due = desk.case().due_at
    asks(desk, case_id, kind="suspension")
    desk.ask(DISPATCHER, DecideTime(case_id=case_id, approved=False, note="抓紧"))
    asks(desk, case_id, kind="suspension")
    desk.ask(desk.case().worker or "", DisposeTask(case_id=case_id, evidence=("p",)))
    assert desk.case().dispose_due_at == due
    states = [row.state for row in desk.rows("SELECT state FROM dispatch.time_requests ORDER BY version")]
    assert states == ["refused", "lapsed"]
    assert desk.ask(DISPATCHER, ListTimeRequests()).requests == ()


def test_a_suspended_case_is_in_the_library_and_goes_on_of_itself(desk: Desk) -> None:
    case_id = in_hand(desk)
    due = desk.case().due_at
    asks(desk, case_id, kind="suspension", until=MONDAY_NOON + timedelta(days=14))
    desk.ask(DISPATCHER, DecideTime(case_id=case_id, approved=True))
    assert open_clocks(desk) == [("dispose", "paused")]
    assert desk.ask(desk.case().worker or "", ListWork()).cases == ()
    [listed] = desk.ask(DISPATCHER, ListSuspended()).requests
    assert (listed.case.case_id, listed.light.colour, listed.reason) == (case_id, "paused", "等配件")
    with pytest.raises(IllegalTransition):
        desk.ask(desk.case().worker or "", DisposeTask(case_id=case_id, evidence=("p",)))
    assert desk.let_pass(timedelta(days=13)) == 0
    assert fire(desk, SUSPENSION_OVER, desk.service.suspension_over) == 0
    assert desk.let_pass(timedelta(days=1)) == 0
    assert fire(desk, SUSPENSION_OVER, desk.service.suspension_over) == 1
    case = desk.case()
    assert (case.stage, case.own_stage, case.clock) == (Stage.ACCEPTED, None, None)
    assert case.due_at == due + timedelta(days=14)
    assert open_clocks(desk) == [("dispose", "running")]
    assert desk.ask(DISPATCHER, ListSuspended()).requests == ()
    assert desk.let_pass(timedelta(days=14)) == 1
    assert desk.case().counters.overdue == 1


def test_a_dispatcher_resumes_it_earlier_and_its_timer_is_gone(desk: Desk) -> None:
    case_id = in_hand(desk)
    asks(desk, case_id, kind="suspension")
    desk.ask(DISPATCHER, DecideTime(case_id=case_id, approved=True))
    with pytest.raises(Forbidden):
        desk.ask("sandun.shift-leader.1", ResumeCase(case_id=case_id, reason="到货"))
    answer = desk.ask(DISPATCHER, ResumeCase(case_id=case_id, reason="到货"))
    assert answer.case.due_at is not None
    assert [row.kind for row in desk.rows("SELECT kind FROM dispatch.timers")] == ["stage.due"]
    with pytest.raises(IllegalTransition):
        desk.ask(DISPATCHER, ResumeCase(case_id=case_id, reason="到货"))


def test_a_suspended_case_that_is_voided_leaves_nothing_behind(desk: Desk) -> None:
    case_id = in_hand(desk)
    asks(desk, case_id, kind="suspension")
    desk.ask(DISPATCHER, DecideTime(case_id=case_id, approved=True))
    desk.ask("sandun.shift-leader.1", VoidCase(case_id=case_id, reason="误报"))
    assert open_clocks(desk) == []
    assert desk.rows("SELECT * FROM dispatch.timers") == []
    assert desk.ask(DISPATCHER, ListSuspended()).requests == ()


def test_once_overdue_nothing_is_asked_for_and_an_open_request_lapses(desk: Desk) -> None:
    case_id = in_hand(desk)
    asks(desk, case_id, kind="extension", by="1 work-hour")
    assert desk.let_pass(timedelta(days=3)) == 1
    with pytest.raises(Conflict):
        desk.ask(DISPATCHER, DecideTime(case_id=case_id, approved=True))
    with pytest.raises(Invalid):
        asks(desk, case_id, kind="extension", by="1 work-hour")
    assert open_clocks(desk) == [("dispose", "timed-out")]
    assert [row.state for row in desk.rows("SELECT state FROM dispatch.time_requests")] == ["lapsed"]
    assert desk.ask(DISPATCHER, GetCase(case_id=case_id)).light.colour == "red"


def test_a_time_out_is_told_level_by_level_each_once_while_it_lasts(desk: Desk) -> None:
    case_id = in_hand(desk)
    desk.clock.set(desk.case().due_at)
    assert desk.let_pass(timedelta()) == 1
    levels = []
    for _ in range(30):
        desk.clock.advance(timedelta(hours=4))
        fire(desk, ESCALATE, desk.service.escalate)
        levels.append(desk.case().clock.escalated)
    assert sorted(set(levels)) == [1, 2, 3]
    assert levels == sorted(levels)
    assert desk.case().counters.escalations == 2
    assert [m["type"] for _, m in desk.said()].count("case.escalated.v1") == 2
    assert desk.ask(DISPATCHER, GetCase(case_id=case_id)).light.escalated == 3
    desk.ask(desk.case().worker or "", DisposeTask(case_id=case_id, evidence=("p",)))
    assert desk.case().clock is None
    assert desk.rows("SELECT state FROM dispatch.clocks WHERE clock = 'dispose'")[0].state == "timed-out"


def test_what_is_done_in_the_meantime_is_told_to_nobody_higher(desk: Desk) -> None:
    case_id = in_hand(desk)
    assert desk.let_pass(timedelta(days=1, hours=1)) == 1
    assert [row.kind for row in desk.rows("SELECT kind FROM dispatch.timers")] == [ESCALATE]
    desk.ask(desk.case().worker or "", DisposeTask(case_id=case_id, evidence=("p",)))
    assert [row.kind for row in desk.rows("SELECT kind FROM dispatch.timers")] == ["stage.due"]


def test_a_year_without_a_calendar_is_on_a_named_persons_list(desk: Desk) -> None:
    desk.clock.set(datetime(2090, 12, 29, 4, tzinfo=UTC))
    desk.file(triaged("r1"))
    case = desk.case()
    assert (case.stage, case.clock.without_year) == (Stage.OFFERED, 2090)
    [listed] = desk.ask(DISPATCHER, ListTimeRequests()).requests
    assert listed.kind == "calendar"
    assert listed.person.startswith("sandun.dispatcher.")
    assert "2090" in listed.reason
    [filed] = desk.ask("sandun.supervisor.1", TellCase(subject="r1")).happenings
    assert (filed.detail["calendar"], filed.detail["calendar_for"]) == (listed.reason, listed.person)
    desk.ask("sandun.shift-leader.1", VoidCase(case_id=case.case_id, reason="误报"))
    assert desk.ask(DISPATCHER, ListTimeRequests()).requests == ()


def test_long_lists_are_read_page_by_page(desk: Desk) -> None:
    desk.clock.set(datetime(2090, 12, 29, 4, tzinfo=UTC))
    desk.file(*(triaged(f"r{n}") for n in range(5)))
    read, after = [], None
    for _ in range(5):
        page = desk.ask(DISPATCHER, ListTimeRequests(limit=2, after=after))
        read += [request.case.case_id for request in page.requests]
        after = page.next
        if after is None:
            break
    assert sorted(read) == sorted(case.case_id for case in desk.cases())
    with pytest.raises(Invalid):
        desk.ask(DISPATCHER, ListTimeRequests(after="yesterday"))


def test_a_town_decides_by_its_own_most(database_url: Databases) -> None:
    parts = dict(xihu().parts)
    settings = {
        **parts["sandun"].settings,
        "dispatch.time-endorsement": "none",
        "dispatch.extension-most": "1 work-hour",
        "dispatch.escalate-after": [],
    }
    parts["sandun"] = replace(parts["sandun"], settings=settings)
    desk = Desk.open(database_url(build_dispatch), district=replace(xihu(), parts=parts))
    case_id = in_hand(desk, "s:09009")
    asks(desk, case_id, kind="extension", by="2 work-hours")
    assert (desk.case().clock.asked.level, desk.case().clock.asked.awaits) == ("district", None)
    desk.let_pass(timedelta(days=3))
    assert desk.rows("SELECT * FROM dispatch.timers") == []
    desk.database.close()


def test_whoever_a_missed_deadline_comes_back_to_is_told_of_it_once_too(desk: Desk) -> None:
    """A refused return gives the case back with the deadline that it had, be it over: another run of the clock."""
    case_id = in_hand(desk)
    worker, missed = desk.case().worker or "", desk.case().due_at
    assert missed is not None
    desk.clock.advance(missed - desk.clock.now("sandun") + timedelta(minutes=1))
    for _ in range(2):
        fire(desk, STAGE_DUE, desk.service.stage_due)
    desk.ask(worker, ReturnTask(case_id=case_id, reason="不属于本部门", whose="sandun/order"))
    desk.ask(DISPATCHER, RefuseReturn(case_id=case_id, reason="职责清单第三条"))
    desk.ask(worker, AcceptTask(case_id=case_id))
    assert desk.case().due_at == missed
    for _ in range(2):
        fire(desk, STAGE_DUE, desk.service.stage_due)
    runs = desk.rows("SELECT due_at FROM dispatch.clocks WHERE clock = 'dispose' AND overdue_at IS NOT NULL")
    told = desk.rows(
        "SELECT 1 FROM dispatch.history WHERE what = 'overdue' AND detail ->> 'clock' = 'dispose'"
    )
    assert [run.due_at for run in runs] == [missed, missed]
    assert len(told) == 2
    assert desk.rows(TIMERS_TWICE)[0].count == 0
    with desk.database.begin() as work:  # the control: what the fault harness counts would be seen
        columns = "tenant, case_id, at, what, who, detail"
        work.conn.execute(
            text(
                f"INSERT INTO dispatch.history ({columns}, version) SELECT {columns}, version + 1000"
                " FROM dispatch.history WHERE what = 'overdue' ORDER BY version DESC LIMIT 1"
            )
        )
    assert desk.rows(TIMERS_TWICE)[0].count == 1
