"""Hand-over on a real database: between units, between two towns, refused and decided by the district."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

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
from qipan.contracts.handover import (
    AcceptHandover,
    DecideHandover,
    HandOver,
    ListHandovers,
    RefuseHandover,
    WithdrawHandover,
)
from qipan.contracts.joint import ExcuseSupport, OpenSupport
from qipan.contracts.queries import GetCase, ListWork, TellCase
from qipan.contracts.returns import ListDisputes
from qipan.contracts.timing import AskForTime, DecideTime, ListSuspended, ListTimeRequests, ResumeCase
from qipan.contracts.whistle import AnswerWhistle, BlowWhistle, EndWhistle, ListWhistles
from qipan.hosting.embedded.postgres import EmbeddedPostgres
from qipan.storage import timers
from qipan.testing import Databases
from qipan.worktime import Limit
from services.dispatch.telling import HANDOVER_DUE

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


def let_pass(desk: Desk, time: timedelta) -> int:
    """Move the clock and fire the hand-overs' timers that came due."""
    desk.clock.advance(time)
    with desk.database.begin() as work:
        due = timers.take_due(work.conn, "dispatch", HANDOVER_DUE, desk.clock.now("sandun"))
        if due:
            desk.service.handover_due(work, due)
        return len(due)


def within(desk: Desk, limit: str) -> datetime:
    """When a limit that begins now runs out in the town's hours."""
    return desk.process.district.deadline("sandun", desk.clock.now("sandun"), Limit.parse(limit))


def test_what_nobody_answers_in_time_is_the_arbiters_and_every_party_sees_it(desk: Desk) -> None:
    case = asked(desk)
    case_id = case.case_id
    assert case.handover is not None
    assert case.handover.due_at == within(desk, "1 work-day")
    decide = DecideHandover(case_id=case_id, to="wenxin", reason="依行政区划图")
    assert ids(desk.ask(ARBITER, ListDisputes(), tenant="xihu")) == []
    with pytest.raises(Conflict, match="does not fit"):
        desk.ask(ARBITER, decide)
    assert let_pass(desk, case.handover.due_at - desk.clock.now("sandun") - timedelta(minutes=1)) == 0
    assert let_pass(desk, timedelta(minutes=2)) == 1
    for who, tenant in ((DISPATCHER, "sandun"), (WENXIN, "wenxin"), (ARBITER, "xihu")):
        [seen] = desk.ask(who, ListHandovers(), tenant=tenant).cases
        assert seen.handover is not None
        assert seen.handover.unanswered_at == desk.clock.now("sandun")
    assert (seen.worker, seen.stage, seen.dispose_due_at) == (case.worker, case.stage, case.dispose_due_at)
    assert ids(desk.ask(ARBITER, ListDisputes(), tenant="xihu")) == [case_id]
    assert ids(desk.ask(ARBITER, ListDisputes(), tenant="sandun")) == [case_id]
    assert let_pass(desk, timedelta(days=7)) == 1
    assert let_pass(desk, timedelta(days=7)) == 0
    told = [m["type"] for _, m in desk.said() if m["type"].startswith("case.handover")]
    assert told == [f"case.handover.{what}.v1" for what in ("asked", "unanswered", "undecided")]
    for stranger, tenant in ((DISPATCHER, "sandun"), (WENXIN, "wenxin")):
        with pytest.raises(Forbidden):
            desk.ask(stranger, decide, tenant=tenant)
    decided = desk.ask(ARBITER, decide).case.handover
    assert decided is not None
    assert (decided.holder, decided.due_at) == ("wenxin", None)
    assert ids(desk.ask(ARBITER, ListDisputes(), tenant="xihu")) == []
    with pytest.raises(Conflict):
        desk.ask(WENXIN, AcceptHandover(case_id=case_id), tenant="wenxin")


def test_who_is_late_may_still_take_it_until_the_arbiter_has_decided(desk: Desk) -> None:
    case_id = asked(desk).case_id
    let_pass(desk, timedelta(days=5))
    taken = desk.ask(WENXIN, AcceptHandover(case_id=case_id), tenant="wenxin").case.handover
    assert taken is not None
    assert (taken.holder, taken.due_at) == ("wenxin", None)
    assert ids(desk.ask(ARBITER, ListDisputes(), tenant="xihu")) == []
    with pytest.raises(Conflict):
        desk.ask(ARBITER, DecideHandover(case_id=case_id, to="sandun", reason="依行政区划图"))
    assert let_pass(desk, timedelta(days=9)) == 0


def test_a_refused_one_is_on_the_arbiters_list_with_a_clock(desk: Desk) -> None:
    case_id = asked(desk).case_id
    desk.ask(WENXIN, RefuseHandover(case_id=case_id, reason="也不在我处"), tenant="wenxin")
    [waiting] = desk.ask(ARBITER, ListDisputes(), tenant="xihu").cases
    assert waiting.handover is not None
    assert waiting.handover.due_at == within(desk, "2 work-days")
    # what is done with meanwhile is nobody's to move, and is the arbiter's again when it comes back
    desk.ask(waiting.worker or "", AcceptTask(case_id=case_id))
    desk.ask(waiting.worker or "", DisposeTask(case_id=case_id, evidence=("p",)))
    assert ids(desk.ask(ARBITER, ListDisputes(), tenant="xihu")) == []
    inspector = next(p.id for p in desk.process.district.people if CELL in p.cells)
    desk.ask(inspector, InspectCase(case_id=case_id, passed=False, note="仍有残留"))
    assert ids(desk.ask(ARBITER, ListDisputes(), tenant="xihu")) == [case_id]
    assert let_pass(desk, timedelta(days=7)) == 1
    assert desk.said()[-1][1]["type"] == "case.handover.undecided.v1"
    with pytest.raises(Conflict):
        desk.ask(DISPATCHER, WithdrawHandover(case_id=case_id, reason="属于本镇"))


@pytest.mark.parametrize("passed", [timedelta(), timedelta(days=5)])
def test_who_offered_it_takes_the_offer_back_while_it_is_not_answered(desk: Desk, passed: timedelta) -> None:
    case = asked(desk)
    case_id = case.case_id
    assert desk.ask(WENXIN, GetCase(case_id=case_id), tenant="wenxin").case.case_id == case_id
    let_pass(desk, passed)
    withdraw = WithdrawHandover(case_id=case_id, reason="核实后属于本镇")
    others = ("sandun.order.1", "sandun"), (WENXIN, "wenxin"), (ARBITER, "sandun")
    for stranger, tenant in others:
        with pytest.raises(Forbidden):
            desk.ask(stranger, withdraw, tenant=tenant)
    kept = desk.ask(case.worker or "", withdraw).case
    assert kept.handover is not None
    assert kept.handover.withdrawn is not None
    assert (kept.worker, kept.stage, kept.handover.due_at) == (case.worker, case.stage, None)
    assert [(tenant, m["type"]) for tenant, m in desk.said()][-2:] == [
        ("sandun", "case.handover.withdrawn.v1"),
        ("wenxin", "handover.withdrawn.v1"),
    ]
    for who, tenant in ((DISPATCHER, "sandun"), (WENXIN, "wenxin"), (ARBITER, "xihu")):
        assert ids(desk.ask(who, ListHandovers(), tenant=tenant)) == []
    assert ids(desk.ask(ARBITER, ListDisputes(), tenant="xihu")) == []
    assert let_pass(desk, timedelta(days=9)) == 0
    with pytest.raises(Conflict):  # once
        desk.ask(DISPATCHER, withdraw)
    with pytest.raises(Conflict) as late:
        desk.ask(WENXIN, AcceptHandover(case_id=case_id), tenant="wenxin")
    assert late.value.context["case"]["handover"]["withdrawn"]["reason"] == "核实后属于本镇"
    with pytest.raises(Forbidden):  # who is not asked any more sees it no more
        desk.ask(WENXIN, GetCase(case_id=case_id), tenant="wenxin")
    again = HandOver(case_id=case_id, to="gudang", reason="是古荡的")
    assert desk.ask(DISPATCHER, again).case.handover.to == "gudang"
    assert desk.ask(DISPATCHER, withdraw).case.handover.withdrawn.by == DISPATCHER


def test_of_two_who_decide_at_once_one_wins(desk: Desk) -> None:
    case_id = asked(desk).case_id
    let_pass(desk, timedelta(days=5))
    rivals = (
        (WENXIN, AcceptHandover(case_id=case_id), "wenxin"),
        (DISPATCHER, WithdrawHandover(case_id=case_id, reason="属于本镇"), "sandun"),
        (ARBITER, DecideHandover(case_id=case_id, to="wenxin", reason="依行政区划图"), "sandun"),
    )

    def rush(rival: tuple[str, object, str]) -> str:
        who, command, tenant = rival
        try:
            desk.ask(who, command, tenant=tenant)  # type: ignore[arg-type]
        except Conflict as late:
            return "late" if late.context["case"]["case_id"] == case_id else "without the case"
        return "won"

    with ThreadPoolExecutor(3) as pool:
        assert sorted(pool.map(rush, rivals)) == ["late", "late", "won"]
    assert desk.case().version == 4


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
