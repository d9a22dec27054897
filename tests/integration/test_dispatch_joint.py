"""Joint handling on a real database: three departments, each with its part, closed only together."""

from collections.abc import Iterator

import pytest
from dispatch_desk import CELL, Desk, build_dispatch, triaged

from qipan.contracts.case import CaseState, Stage, SupportState
from qipan.contracts.commands import AcceptTask, CloseCase, DispatchCase, DisposeTask, InspectCase, VoidCase
from qipan.contracts.errors import Forbidden, IllegalTransition, Invalid, NotFound
from qipan.contracts.field import ArriveOnScene, DepartForTask, EndShift, GetField, StartShift
from qipan.contracts.joint import AcceptSupport, ExcuseSupport, FinishSupport, OpenSupport, ReturnSupport
from qipan.contracts.queries import GetCase, ListWork, TellCase
from qipan.hosting.embedded.postgres import EmbeddedPostgres
from qipan.testing import Databases

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
    [before, *_] = [row.due_at for row in desk.rows("SELECT due_at FROM dispatch.timers")]
    assert before == case.due_at
