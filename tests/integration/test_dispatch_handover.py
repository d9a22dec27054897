"""Hand-over on a real database: between units, between two towns, refused and decided by the district."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from dispatch_desk import CELL, Desk, build_dispatch, triaged

from qipan.contracts.case import CaseState, HandoverState, Stage
from qipan.contracts.commands import AcceptTask, CloseCase, DispatchCase, DisposeTask, InspectCase
from qipan.contracts.errors import Conflict, Forbidden, Invalid, NotFound
from qipan.contracts.field import ArriveOnScene, DepartForTask, EndShift, GetField, StartShift, WorkerState
from qipan.contracts.fieldlog import (
    AcknowledgeInstruction,
    AnswerBackup,
    CallBackup,
    GetLog,
    GiveInstruction,
    ListBackup,
)
from qipan.contracts.handover import AcceptHandover, DecideHandover, HandOver, ListHandovers, RefuseHandover
from qipan.contracts.joint import ExcuseSupport, OpenSupport
from qipan.contracts.queries import GetCase, ListWork, TellCase
from qipan.contracts.timing import AskForTime, DecideTime, ListSuspended, ListTimeRequests, ResumeCase
from qipan.contracts.whistle import AnswerWhistle, BlowWhistle, EndWhistle, ListWhistles
from qipan.hosting.embedded.postgres import EmbeddedPostgres
from qipan.testing import Databases

DISPATCHER, WENXIN, ARBITER = "sandun.dispatcher.1", "wenxin.dispatcher.1", "xihu.dispatcher.1"


@pytest.fixture(scope="module")
def house(postgres: EmbeddedPostgres, database_templates: dict[str, str]) -> Iterator[Desk]:
    databases = Databases(postgres, database_templates)
    desk = Desk.open(databases(build_dispatch))
    yield desk
    desk.database.close()
    databases.drop()


@pytest.fixture
def desk(house: Desk) -> Desk:
    house.empty()
    return house


def asked(desk: Desk, to: str = "wenxin") -> CaseState:
    """A case of Sandun's whose worker says that it is another's."""
    desk.file(triaged("r1"))
    case = desk.case()
    return desk.ask(case.worker or "", HandOver(case_id=case.case_id, to=to, reason="不在本镇辖区")).case


def loads(desk: Desk) -> dict[tuple[str, str], int]:
    rows = desk.rows("SELECT * FROM dispatch.loads WHERE open <> 0")
    return {(row.tenant, row.worker): row.open for row in rows}


def ids(answer: object) -> list[str]:
    return [case.case_id for case in answer.cases]  # type: ignore[attr-defined]


def test_hand_over_between_two_towns(desk: Desk) -> None:
    case = asked(desk)
    case_id, first = case.case_id, case.worker or ""
    assert case.handover is not None
    assert (case.stage, case.worker, case.handover.state) == (Stage.OFFERED, first, HandoverState.ASKED)
    assert [(t, m["type"]) for t, m in desk.said()][-2:] == [
        ("sandun", "case.handover.asked.v1"),
        ("wenxin", "handover.asked.v1"),
    ]
    for who, tenant in ((DISPATCHER, "sandun"), (WENXIN, "wenxin"), (ARBITER, "xihu")):
        assert ids(desk.ask(who, ListHandovers(), tenant=tenant)) == [case_id]
    assert ids(desk.ask("beishan.dispatcher.1", ListHandovers(), tenant="beishan")) == []
    assert desk.ask(WENXIN, GetCase(case_id=case_id), tenant="wenxin").case == case
    with pytest.raises(Forbidden):  # asked is not yet theirs
        desk.ask(WENXIN, DispatchCase(case_id=case_id, unit="wenxin/sweep"), tenant="wenxin")

    taken = desk.ask(WENXIN, AcceptHandover(case_id=case_id), tenant="wenxin").case
    assert (taken.tenant, taken.stage, taken.unit, taken.case_id) == ("sandun", Stage.FILED, None, case_id)
    assert taken.dispose_due_at == case.dispose_due_at
    assert loads(desk) == {}
    assert ids(desk.ask(WENXIN, ListWork(), tenant="wenxin")) == [case_id]
    with pytest.raises(Forbidden, match="wenxin commands"):
        desk.ask(DISPATCHER, DispatchCase(case_id=case_id, unit="sandun/order"))

    offered = desk.ask(WENXIN, DispatchCase(case_id=case_id, unit="wenxin/sweep"), tenant="wenxin").case
    worker = offered.worker or ""
    assert worker.startswith("wenxin.sweep.")
    assert loads(desk) == {("wenxin", worker): 1}
    assert [(t, m["type"]) for t, m in desk.said()][-2:] == [
        ("sandun", "case.dispatched.v1"),
        ("wenxin", "task.offered.v1"),
    ]
    assert ids(desk.ask(worker, ListWork(), tenant="wenxin")) == [case_id]
    [fielded] = desk.ask(WENXIN, GetField(state=WorkerState.RESERVED), tenant="wenxin").workers
    assert (fielded.worker, [task.case_id for task in fielded.tasks]) == (worker, [case_id])
    assert desk.ask(DISPATCHER, GetField(state=WorkerState.RESERVED)).workers == ()
    desk.ask(worker, AcceptTask(case_id=case_id), tenant="wenxin")
    desk.ask(worker, DisposeTask(case_id=case_id, evidence=("p",)), tenant="wenxin")
    # where it arose it is inspected and closed, and its whole story is one
    inspector = next(p.id for p in desk.process.district.people if CELL in p.cells)
    desk.ask(inspector, InspectCase(case_id=case_id, passed=True))
    assert desk.ask("sandun.shift-leader.1", CloseCase(case_id=case_id)).case.stage is Stage.CLOSED
    assert loads(desk) == {}
    told = desk.ask(DISPATCHER, TellCase(subject=case_id)).happenings
    steps = ["file", "hand-over", "take-over", "dispatch", "accept", "dispose", "pass", "close"]
    assert [h.what for h in told] == steps
    assert [message["data"]["case"]["tenant"] for _, message in desk.said()] == ["sandun"] * 10
    assert len(desk.cases()) == 1  # nothing that could be counted twice


def held_by_wenxin(desk: Desk) -> CaseState:
    """A case of Sandun's that Wenxin took over, in the hands of one of its sweepers."""
    case_id = asked(desk).case_id
    desk.ask(WENXIN, AcceptHandover(case_id=case_id), tenant="wenxin")
    desk.ask(WENXIN, DispatchCase(case_id=case_id, unit="wenxin/sweep"), tenant="wenxin")
    worker = desk.case().worker or ""
    return desk.ask(worker, AcceptTask(case_id=case_id), tenant="wenxin").case


def test_who_took_a_case_over_commands_it_in_the_field(desk: Desk) -> None:
    case = held_by_wenxin(desk)
    case_id, worker = case.case_id, case.worker or ""

    given = desk.ask(
        WENXIN, GiveInstruction(case_id=case_id, text="先设警戒", worker=worker), tenant="wenxin"
    )
    desk.ask(worker, AcknowledgeInstruction(case_id=case_id, entry_id=given.entry_id), tenant="wenxin")
    with pytest.raises(Invalid):  # nobody of the town that gave it away
        desk.ask(WENXIN, GiveInstruction(case_id=case_id, text="x", unit="sandun/sweep"), tenant="wenxin")
    called = desk.ask(worker, CallBackup(case_id=case_id, text="围观者众"), tenant="wenxin")
    assert desk.ask(WENXIN, ListBackup(), tenant="wenxin").entries == (called,)
    assert desk.ask(DISPATCHER, ListBackup()).entries == ()
    answer = AnswerBackup(case_id=case_id, entry_id=called.entry_id, text="五分钟到")
    blow = BlowWhistle(case_id=case_id, departments=("water",), reason="积水")
    for command in (GiveInstruction(case_id=case_id, text="x"), answer, blow):
        with pytest.raises(Forbidden, match="wenxin commands"):
            desk.ask("sandun.shift-leader.1" if command is answer else DISPATCHER, command)
    desk.ask(WENXIN, answer, tenant="wenxin")
    assert len(desk.ask(DISPATCHER, GetLog(case_id=case_id)).entries) == 4

    whistle = desk.ask(WENXIN, blow, tenant="wenxin")
    for who, tenant in ((WENXIN, "wenxin"), ("wenxin.water.1", "wenxin"), (DISPATCHER, "sandun")):
        assert desk.ask(who, ListWhistles(), tenant=tenant).whistles == (whistle,)
    arrived = AnswerWhistle(whistle_id=whistle.whistle_id, department="water")
    assert desk.ask("wenxin.water.1", arrived, tenant="wenxin").summons[0].arrived_by == "wenxin.water.1"
    end = EndWhistle(whistle_id=whistle.whistle_id, outcome="积水已排除")
    with pytest.raises(Forbidden, match="wenxin commands"):
        desk.ask(DISPATCHER, end)
    assert desk.ask(WENXIN, end, tenant="wenxin").ended_by == WENXIN

    desk.ask(worker, StartShift(), tenant="wenxin")
    desk.ask(worker, DepartForTask(case_id=case_id), tenant="wenxin")
    desk.ask(worker, EndShift(), tenant="wenxin")
    with pytest.raises(Invalid, match="on shift"):
        desk.ask(worker, ArriveOnScene(case_id=case_id), tenant="wenxin")


def test_who_took_a_case_over_decides_about_its_time_and_its_support(desk: Desk) -> None:
    desk.file(triaged("r1"))
    case_id, first = desk.case().case_id, desk.case().worker or ""
    desk.ask(DISPATCHER, OpenSupport(case_id=case_id, unit="sandun/water", reason="先排水"))
    desk.ask(first, HandOver(case_id=case_id, to="wenxin", reason="不在本镇辖区"))
    desk.ask(WENXIN, AcceptHandover(case_id=case_id), tenant="wenxin")
    desk.ask(WENXIN, DispatchCase(case_id=case_id, unit="wenxin/sweep"), tenant="wenxin")
    worker = desk.case().worker or ""
    desk.ask(worker, AcceptTask(case_id=case_id), tenant="wenxin")
    excuse = ExcuseSupport(case_id=case_id, task_id=f"{case_id}.s1", reason="已不需要")
    asks = AskForTime(case_id=case_id, kind="suspension", reason="等天晴")
    desk.ask(worker, asks, tenant="wenxin")
    assert desk.ask(DISPATCHER, ListTimeRequests()).requests == ()
    [waiting] = desk.ask(WENXIN, ListTimeRequests(), tenant="wenxin").requests
    assert waiting.case.case_id == case_id
    for command in (DecideTime(case_id=case_id, approved=True), DecideTime(case_id=case_id, approved=False)):
        with pytest.raises(Forbidden, match="wenxin commands"):
            desk.ask(DISPATCHER, command)
    with pytest.raises(Forbidden, match="wenxin commands"):
        desk.ask(DISPATCHER, excuse)
    desk.ask(WENXIN, excuse, tenant="wenxin")
    desk.ask(WENXIN, DecideTime(case_id=case_id, approved=True), tenant="wenxin")
    assert desk.ask(DISPATCHER, ListSuspended()).requests == ()
    for who, tenant in ((WENXIN, "wenxin"), (ARBITER, "xihu")):
        [kept] = desk.ask(who, ListSuspended(), tenant=tenant).requests
        assert kept.case.case_id == case_id
    resume = ResumeCase(case_id=case_id, reason="天晴")
    with pytest.raises(Forbidden, match="wenxin commands"):
        desk.ask(DISPATCHER, resume)
    assert desk.ask(WENXIN, resume, tenant="wenxin").case.stage is Stage.ACCEPTED


def test_the_list_of_hand_overs_holds_suspended_cases_and_has_pages(desk: Desk) -> None:
    desk.file(*(triaged(f"r{n}") for n in range(1, 4)))
    given = []
    for case in desk.cases():
        worker = case.worker or ""
        desk.ask(worker, HandOver(case_id=case.case_id, to="wenxin", reason="不在本镇辖区"))
        desk.ask(worker, AcceptTask(case_id=case.case_id))
        desk.ask(worker, AskForTime(case_id=case.case_id, kind="suspension", reason="等配件"))
        desk.ask(DISPATCHER, DecideTime(case_id=case.case_id, approved=True))
        given.append(case.case_id)
        desk.clock.advance(timedelta(seconds=1))
    pages, after = [], None
    while after is not None or not pages:
        page = desk.ask(WENXIN, ListHandovers(limit=1, after=after), tenant="wenxin")
        pages += ids(page)
        after = page.next
    assert pages == given
    with pytest.raises(Invalid, match="go on"):
        desk.ask(WENXIN, ListHandovers(after="2026-03-09T04:00:00|x"), tenant="wenxin")


def test_what_the_other_town_refuses_the_district_decides(desk: Desk) -> None:
    case_id = asked(desk).case_id
    decide = DecideHandover(
        case_id=case_id, to="wenxin", reason="依行政区划图", authority="民政区划〔2026〕1号"
    )
    with pytest.raises(Conflict):
        desk.ask(ARBITER, decide)  # nobody refused yet
    refuse = RefuseHandover(case_id=case_id, reason="也不在我处")
    desk.ask(WENXIN, refuse, tenant="wenxin")
    with pytest.raises(Conflict) as late:
        desk.ask(WENXIN, AcceptHandover(case_id=case_id), tenant="wenxin")
    assert late.value.context["case"]["handover"]["state"] == HandoverState.REFUSED
    with pytest.raises(Conflict):
        desk.ask(DISPATCHER, HandOver(case_id=case_id, to="gudang", reason="那就古荡"))
    for stranger, tenant in ((DISPATCHER, "sandun"), (WENXIN, "wenxin"), ("xihu.supervisor.1", "sandun")):
        with pytest.raises(Forbidden):
            desk.ask(stranger, decide, tenant=tenant)
    case = desk.ask(ARBITER, decide).case
    assert case.handover is not None
    assert case.handover.decided is not None
    assert (case.handover.holder, case.stage) == ("wenxin", Stage.FILED)
    assert case.handover.decided.authority == "民政区划〔2026〕1号"
    with pytest.raises(Forbidden, match="final"):
        desk.ask(WENXIN, HandOver(case_id=case_id, to="sandun", reason="还是三墩的"), tenant="wenxin")
    desk.ask(WENXIN, DispatchCase(case_id=case_id, unit="wenxin/sweep"), tenant="wenxin")


def test_the_district_may_send_it_back(desk: Desk) -> None:
    case_id = asked(desk).case_id
    desk.ask(WENXIN, RefuseHandover(case_id=case_id, reason="也不在我处"), tenant="wenxin")
    back = desk.ask(ARBITER, DecideHandover(case_id=case_id, to="sandun", reason="依行政区划图")).case
    assert back.handover is not None
    assert (back.handover.holder, back.stage) == (None, Stage.FILED)
    assert (
        desk.ask(DISPATCHER, DispatchCase(case_id=case_id, unit="sandun/order")).case.unit == "sandun/order"
    )
    with pytest.raises(NotFound):
        desk.ask(WENXIN, DispatchCase(case_id=case_id, unit="wenxin/sweep"), tenant="wenxin")


def test_between_units_of_a_town_the_other_takes_the_task(desk: Desk) -> None:
    case = asked(desk, to="sandun/order")
    case_id, first = case.case_id, case.worker or ""
    for stranger in ("sandun.works.1", first):
        with pytest.raises(Forbidden):
            desk.ask(stranger, AcceptHandover(case_id=case_id))
    taken = desk.ask("sandun.order.1", AcceptHandover(case_id=case_id)).case
    assert (taken.stage, taken.unit, taken.worker) == (Stage.ACCEPTED, "sandun/order", "sandun.order.1")
    assert (taken.department, taken.task_id) == ("urban-management", f"{case_id}.2")
    assert (case.mandate, taken.mandate) == ("sanitation", "urban-management")
    assert loads(desk) == {("sandun", "sandun.order.1"): 1}
    statuses = desk.rows("SELECT status FROM dispatch.tasks ORDER BY id")
    assert [row.status for row in statuses] == ["withdrawn", "accepted"]


def test_what_another_unit_refuses_stays_where_it_is(desk: Desk) -> None:
    case = asked(desk, to="sandun/order")
    refused = desk.ask("sandun.order.1", RefuseHandover(case_id=case.case_id, reason="不归我们")).case
    assert (refused.unit, refused.worker, refused.stage) == (case.unit, case.worker, Stage.OFFERED)
    again = HandOver(case_id=case.case_id, to="sandun/works", reason="是市政的")
    assert desk.ask(DISPATCHER, again).case.handover.to == "sandun/works"


@pytest.mark.parametrize("to", ["atlantis", "sandun", "sandun/sweep", "wenxin/sweep", "traffic-police"])
def test_it_is_handed_only_to_who_can_take_it(desk: Desk, to: str) -> None:
    desk.file(triaged("r1"))
    case = desk.case()
    with pytest.raises(Invalid) as refused:
        desk.ask(case.worker or "", HandOver(case_id=case.case_id, to=to, reason="不归我们"))
    assert refused.value.faults[0].where == "to"


def test_a_stranger_finds_nothing(desk: Desk) -> None:
    case_id = asked(desk).case_id
    with pytest.raises(NotFound):
        desk.ask("beishan.dispatcher.1", GetCase(case_id=case_id), tenant="beishan")
    with pytest.raises(Forbidden):
        desk.ask(WENXIN, GetCase(case_id=case_id), tenant="sandun")


def test_the_district_takes_a_case_over_itself(desk: Desk) -> None:
    case_id = asked(desk, to="xihu").case_id
    desk.ask(ARBITER, AcceptHandover(case_id=case_id), tenant="xihu")
    assert ids(desk.ask(ARBITER, ListWork(), tenant="xihu")) == [case_id]
    offered = desk.ask(ARBITER, DispatchCase(case_id=case_id, unit="wenxin/order"), tenant="xihu").case
    assert offered.unit == "wenxin/order"
    assert ids(desk.ask("wenxin.order.1", ListWork(), tenant="wenxin")) == [case_id]
    taken = desk.ask("wenxin.order.1", AcceptTask(case_id=case_id), tenant="wenxin").case
    assert taken.worker == "wenxin.order.1"
    assert loads(desk) == {("wenxin", "wenxin.order.1"): 1}
