"""Joint handling on a real database: three departments, each with its part, closed only together."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from dispatch_desk import CELL, MONDAY_NOON, Desk, build_dispatch, triaged

from qipan.contracts.case import CaseState, Stage, SupportState
from qipan.contracts.commands import AcceptTask, CloseCase, DispatchCase, DisposeTask, InspectCase, VoidCase
from qipan.contracts.errors import Forbidden, IllegalTransition, Invalid, NotFound
from qipan.contracts.field import ArriveOnScene, DepartForTask, EndShift, GetField, StartShift
from qipan.contracts.handover import AcceptHandover, HandOver
from qipan.contracts.joint import AcceptSupport, ExcuseSupport, FinishSupport, OpenSupport, ReturnSupport
from qipan.contracts.queries import GetCase, ListWork, TellCase
from qipan.hosting.embedded.postgres import EmbeddedPostgres
from qipan.storage import Timer, timers
from qipan.testing import Databases
from services.dispatch.telling import SUPPORT_DUE

DISPATCHER, LEADER = "sandun.dispatcher.1", "sandun.shift-leader.1"


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


def asked(desk: Desk, *units: str) -> CaseState:
    """A case of the sweepers, with these units asked for support."""
    desk.file(triaged("r1"))
    case = desk.case()
    for unit in units:
        case = desk.ask(DISPATCHER, OpenSupport(case_id=case.case_id, unit=unit, reason="联合整治")).case
    return case


def loads(desk: Desk) -> dict[str, int]:
    return {row.worker: row.open for row in desk.rows("SELECT * FROM dispatch.loads WHERE open <> 0")}


def inspector(desk: Desk) -> str:
    return next(p.id for p in desk.process.district.people if CELL in p.cells)


def test_a_three_department_joint_task(desk: Desk) -> None:
    case = asked(desk, "sandun/order", "sandun/traffic")
    lead = case.worker or ""
    order, traffic = case.supports
    assert {s.department for s in case.supports} == {"urban-management", "traffic-police"}
    assert case.department == "sanitation"
    assert loads(desk) == {lead: 1, "sandun.order.1": 1, "sandun.traffic.1": 1}
    assert [(t, m["type"]) for t, m in desk.said()][-2:] == [
        ("sandun", "case.support.asked.v1"),
        ("traffic-police", "support.asked.v1"),
    ]
    for worker in ("sandun.order.1", "sandun.traffic.1"):
        assert [c.case_id for c in desk.ask(worker, ListWork()).cases] == [case.case_id]
        assert desk.ask(worker, GetCase(case_id=case.case_id)).case.supports == case.supports
    case_id = case.case_id
    desk.ask("sandun.order.1", AcceptSupport(case_id=case_id, task_id=order.task_id))
    # the police's own service takes its child task under the department's name
    desk.ask(
        "traffic-police", AcceptSupport(case_id=case_id, task_id=traffic.task_id), tenant="traffic-police"
    )
    desk.ask(lead, AcceptTask(case_id=case_id))
    desk.ask(lead, DisposeTask(case_id=case_id, evidence=("lead:1",)))
    finish = FinishSupport(case_id=case_id, task_id=order.task_id, evidence=("order:1",), note="摊贩已劝离")
    desk.ask("sandun.order.1", finish)
    with pytest.raises(Invalid) as waiting:
        desk.ask(inspector(desk), InspectCase(case_id=case_id, passed=True))
    assert "sandun/traffic" in waiting.value.faults[0].what
    desk.ask(
        "sandun.traffic.1", FinishSupport(case_id=case_id, task_id=traffic.task_id, evidence=("police:1",))
    )
    desk.ask(inspector(desk), InspectCase(case_id=case_id, passed=True))
    closed = desk.ask(LEADER, CloseCase(case_id=case_id)).case
    assert closed.stage is Stage.CLOSED
    assert [(s.state, s.evidence) for s in closed.supports] == [
        (SupportState.DONE, ("order:1",)),
        (SupportState.DONE, ("police:1",)),
    ]
    assert closed.evidence == ("lead:1",)
    assert loads(desk) == {}
    tasks = desk.rows("SELECT kind, status FROM dispatch.tasks ORDER BY id")
    assert [(row.kind, row.status) for row in tasks] == [
        ("lead", "passed"),
        ("support", "done"),
        ("support", "done"),
    ]


def test_what_is_given_back_is_expected_until_it_is_excused(desk: Desk) -> None:
    case = asked(desk, "sandun/order")
    [support] = case.supports
    back = ReturnSupport(case_id=case.case_id, task_id=support.task_id, reason="无占道")
    case = desk.ask("sandun.order.1", back).case
    assert case.supports[0].state is SupportState.RETURNED
    assert desk.ask("sandun.order.1", ListWork()).cases == ()
    assert "sandun.order.1" not in loads(desk)
    excuse = ExcuseSupport(case_id=case.case_id, task_id=support.task_id, reason="现场确无占道")
    assert desk.ask(DISPATCHER, excuse).case.supports[0].state is SupportState.EXCUSED
    with pytest.raises(IllegalTransition):
        desk.ask(DISPATCHER, excuse)
    again = OpenSupport(case_id=case.case_id, unit="sandun/order", reason="又有占道")
    assert len(desk.ask(DISPATCHER, again).case.supports) == 2


def let_pass(desk: Desk, time: timedelta) -> int:
    """Move the clock and fire the child tasks' timers that came due."""
    desk.clock.advance(time)
    with desk.database.begin() as work:
        due = timers.take_due(work.conn, "dispatch", SUPPORT_DUE, desk.clock.now("sandun"))
        if due:
            desk.service.support_due(work, due)
        return len(due)


def on_list(desk: Desk, who: str = DISPATCHER, tenant: str = "sandun") -> list[str]:
    return [case.case_id for case in desk.ask(who, ListWork(), tenant=tenant).cases]


def test_what_is_given_back_is_on_a_dispatchers_list_until_another_does_it(desk: Desk) -> None:
    case = asked(desk, "sandun/order", "sandun/traffic")
    case_id, (support, other) = case.case_id, case.supports
    assert on_list(desk) == []
    back = ReturnSupport(case_id=case_id, task_id=support.task_id, reason="无占道")
    waiting = desk.ask("sandun.order.1", back).case.supports[0].waiting
    assert waiting is not None
    assert (waiting.waits_for or "").startswith("sandun.dispatcher.")
    assert "无占道" in waiting.reason
    assert "instead_of" in waiting.reason
    assert on_list(desk) == [case_id]
    assert on_list(desk, LEADER) == []
    assert on_list(desk, "beishan.dispatcher.1", "beishan") == []
    told = desk.ask(DISPATCHER, TellCase(subject=case_id)).happenings[-1]
    assert told.detail["waits_for"] == waiting.waits_for
    instead = OpenSupport(case_id=case_id, unit="sandun/works", reason="改由市政", instead_of=support.task_id)
    desk.ask(DISPATCHER, instead)
    with pytest.raises(IllegalTransition):  # the part is not there to be given away twice
        desk.ask(DISPATCHER, instead)
    supports = desk.case().supports
    assert [(one.unit, one.state) for one in supports] == [
        ("sandun/order", SupportState.EXCUSED),
        ("sandun/traffic", SupportState.ASKED),
        ("sandun/works", SupportState.ASKED),
    ]
    assert supports[1] == other
    assert on_list(desk) == []


def test_what_nobody_takes_in_time_is_on_a_dispatchers_list_and_may_still_be_taken(desk: Desk) -> None:
    case = asked(desk, "sandun/order", "sandun/traffic")
    case_id, [order, traffic] = case.case_id, case.supports
    # the lead's limit, in the town's hours: noon is a break
    assert {one.due_at for one in case.supports} == {MONDAY_NOON + timedelta(hours=2, minutes=30)}
    desk.ask("sandun.traffic.1", AcceptSupport(case_id=case_id, task_id=traffic.task_id))
    assert let_pass(desk, timedelta(hours=2, minutes=29)) == 0
    assert let_pass(desk, timedelta(minutes=2)) == 1
    late, taken = desk.case().supports
    assert (late.state, late.overdue_at) == (SupportState.ASKED, desk.clock.now("sandun"))
    assert late.waiting is not None
    assert "did not answer in time" in late.waiting.reason
    assert (taken.waiting, taken.due_at) == (None, None)
    assert desk.said()[-1][1]["type"] == "case.support.overdue.v1"
    assert on_list(desk) == [case_id]
    assert on_list(desk, "sandun.order.1") == [case_id]
    assert loads(desk)["sandun.order.1"] == 1
    version = desk.case().version
    with desk.database.begin() as work:  # told once, by whichever replica
        ref = f"{case_id} {order.task_id}"
        desk.service.support_due(work, [Timer("sandun", SUPPORT_DUE, ref, MONDAY_NOON, {})])
    assert desk.case().version == version
    desk.ask("sandun.order.1", AcceptSupport(case_id=case_id, task_id=order.task_id))
    assert on_list(desk) == []
    assert desk.case().supports[0].waiting is None


def test_whoever_took_the_case_over_has_its_parts_on_the_list(desk: Desk) -> None:
    case_id = asked(desk, "sandun/order").case_id
    desk.ask(DISPATCHER, HandOver(case_id=case_id, to="wenxin", reason="不在本镇辖区"))
    theirs = "wenxin.dispatcher.1", "wenxin"
    desk.ask(theirs[0], AcceptHandover(case_id=case_id), tenant="wenxin")
    desk.ask(theirs[0], DispatchCase(case_id=case_id, unit="wenxin/sweep"), tenant="wenxin")
    assert (on_list(desk), on_list(desk, *theirs)) == ([], [])
    let_pass(desk, timedelta(hours=3))
    [late] = desk.case().supports
    assert late.waiting is not None
    assert (late.waiting.waits_for or "").startswith("wenxin.dispatcher.")
    assert (on_list(desk), on_list(desk, *theirs)) == ([], [case_id])
    excuse = ExcuseSupport(case_id=case_id, task_id=late.task_id, reason="已无需要")
    with pytest.raises(Forbidden):
        desk.ask(DISPATCHER, excuse)
    desk.ask(theirs[0], excuse, tenant="wenxin")
    assert on_list(desk, *theirs) == []


def test_a_part_is_its_units_alone(desk: Desk) -> None:
    case = asked(desk, "sandun/order")
    [support] = case.supports
    take = AcceptSupport(case_id=case.case_id, task_id=support.task_id)
    for stranger in (case.worker or "", "sandun.works.1", "beishan.order.1", DISPATCHER):
        with pytest.raises(Forbidden):
            desk.ask(stranger, take)
    with pytest.raises(Forbidden):
        desk.ask("sandun.order.1", AcceptTask(case_id=case.case_id))  # the lead's task is not theirs
    with pytest.raises(NotFound):
        desk.ask("sandun.order.1", take.model_copy(update={"task_id": "none"}))
    with pytest.raises(Invalid):
        desk.ask(DISPATCHER, OpenSupport(case_id=case.case_id, unit=case.unit, reason="x"))
    with pytest.raises(Invalid):
        desk.ask(DISPATCHER, OpenSupport(case_id=case.case_id, unit="sandun/order", reason="x"))


def test_a_voided_case_frees_everybody(desk: Desk) -> None:
    case = asked(desk, "sandun/order")
    desk.ask(LEADER, VoidCase(case_id=case.case_id, reason="误报"))
    assert loads(desk) == {}
    assert desk.ask("sandun.order.1", ListWork()).cases == ()
    assert {row.status for row in desk.rows("SELECT status FROM dispatch.tasks")} == {"withdrawn"}


def test_who_only_supports_stands_by_it(desk: Desk) -> None:
    """One truth: the field's list has lead and support of a worker, and as many as the load says."""
    case = asked(desk, "sandun/order")
    [support], lead = case.supports, case.worker or ""

    def field() -> dict[str, tuple[str, list[tuple[str, str | None]]]]:
        workers = desk.ask(DISPATCHER, GetField()).workers
        has = {w.worker: len(w.tasks) for w in workers if w.tasks}
        assert has == loads(desk)
        return {w.worker: (w.state, [(t.role, t.task_id) for t in w.tasks]) for w in workers}

    worker = "sandun.order.1"
    assert field()[worker] == ("reserved", [("support", support.task_id)])
    desk.ask(worker, AcceptSupport(case_id=case.case_id, task_id=support.task_id))
    desk.ask(lead, AcceptTask(case_id=case.case_id))
    desk.ask(lead, DisposeTask(case_id=case.case_id, evidence=("lead:1",)))
    after = field()
    assert (after[lead], after[worker]) == (("available", []), ("busy", [("support", support.task_id)]))
    desk.ask(DISPATCHER, DispatchCase(case_id=_another(desk), unit="sandun/order", worker=worker))
    assert field()[worker][1] == [("lead", f"{_another(desk)}.2"), ("support", support.task_id)]
    desk.ask(worker, FinishSupport(case_id=case.case_id, task_id=support.task_id, evidence=("order:1",)))
    assert field()[worker] == ("reserved", [("lead", f"{_another(desk)}.2")])


def test_who_supports_goes_there_and_is_shown_so(desk: Desk) -> None:
    case = asked(desk, "sandun/order")
    [support], worker, mate = case.supports, "sandun.order.1", "sandun.order.2"
    depart = DepartForTask(case_id=case.case_id, task_id=support.task_id)
    arrive = ArriveOnScene(case_id=case.case_id, task_id=support.task_id)

    def state(of: str) -> str:
        return next(w.state for w in desk.ask(DISPATCHER, GetField()).workers if w.worker == of)

    with pytest.raises(IllegalTransition):
        desk.ask(worker, depart)  # not taken yet
    desk.ask(worker, AcceptSupport(case_id=case.case_id, task_id=support.task_id))
    with pytest.raises(Forbidden, match=worker):
        desk.ask(mate, depart)  # of the unit, but the part is another's
    for stranger in (case.worker or "", "sandun.works.1", DISPATCHER):
        with pytest.raises(Forbidden):
            desk.ask(stranger, depart)
    desk.ask(worker, StartShift())
    desk.ask(worker, EndShift())
    with pytest.raises(Invalid, match="on shift"):
        desk.ask(worker, depart)
    desk.ask(worker, StartShift())
    states = [state(worker)]
    for command in (depart, arrive):
        desk.ask(worker, command)
        states.append(state(worker))
    assert states == ["busy", "en-route", "on-scene"]
    assert desk.case().leg is None  # the lead's own way is not theirs
    with pytest.raises(Forbidden):
        desk.ask(worker, ArriveOnScene(case_id=case.case_id))  # nor the lead's task
    desk.ask(worker, FinishSupport(case_id=case.case_id, task_id=support.task_id, evidence=("order:1",)))
    assert state(worker) == "available"
    told = desk.ask("sandun.supervisor.1", TellCase(subject=case.case_id)).happenings
    went = [(h.what, h.who, h.detail["task"]) for h in told if h.what in ("depart-support", "arrive-support")]
    assert went == [(f"{way}-support", worker, support.task_id) for way in ("depart", "arrive")]
    said = [m["type"] for _, m in desk.said()]
    assert said[-3:] == [f"case.support.{what}.v1" for what in ("departed", "arrived", "finished")]


def _another(desk: Desk) -> str:
    """The id of a second case, filed the first time that it is asked for."""
    if len(desk.cases()) == 1:
        desk.file(triaged("r2"))
    return next(case.case_id for case in desk.cases() if case.report_id == "r2")


def test_the_leads_clock_runs_on(desk: Desk) -> None:
    case = asked(desk, "sandun/order")
    [before] = [r.due_at for r in desk.rows("SELECT due_at FROM dispatch.timers WHERE kind = 'stage.due'")]
    assert before == case.due_at


def test_a_part_of_somebody_who_left_is_on_a_dispatchers_list_with_the_reason(desk: Desk) -> None:
    case = asked(desk, "sandun/order", "sandun/traffic")
    gone, task = case.supports[0].worker or "", case.supports[0].task_id
    desk.ask(gone, AcceptSupport(case_id=case.case_id, task_id=task))
    people = tuple(person for person in desk.process.district.people if person.id != gone)
    after = Desk.on(desk, replace(desk.process.district, people=people))
    after.service.take_back_from_leavers()
    assert desk.case().supports[0].state is SupportState.ACCEPTED, "an old process may not know somebody new"
    desk.clock.advance(timedelta(minutes=6))
    desk.service.take_back_from_leavers()
    assert desk.case().supports[0].state is SupportState.ACCEPTED, "nobody has left"
    after.service.take_back_from_leavers()
    after.service.take_back_from_leavers()
    stuck, other = desk.case().supports
    assert (stuck.state, other.state) == (SupportState.RETURNED, SupportState.ASKED)
    assert stuck.waiting is not None
    assert (stuck.waiting.waits_for or "").startswith("sandun.dispatcher.")
    assert gone in stuck.waiting.reason
    assert loads(desk) == {case.worker or "": 1, other.worker or "": 1}
    assert desk.said()[-1][1]["type"] == "case.support.returned.v1"
    [listed] = on_list(desk)
    assert listed == case.case_id
