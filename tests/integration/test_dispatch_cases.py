"""Cases on a real database: filed once, moved by those who may, told of with their whole state."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from dispatch_desk import CELL, MONDAY_NOON, Desk, build_dispatch, told, triaged, xihu
from nameko.testing.services import worker_factory
from sqlalchemy import event
from sqlalchemy.exc import IntegrityError

from qipan.contracts.case import Stage
from qipan.contracts.commands import (
    AcceptTask,
    CloseCase,
    DispatchCase,
    DisposeTask,
    InspectCase,
    ReturnTask,
    VoidCase,
)
from qipan.contracts.errors import Conflict, Forbidden, IllegalTransition, Invalid, NotFound, QipanError
from qipan.contracts.events import Outcome, ReportRated
from qipan.contracts.queries import GetCase, ListWork, TellCase
from qipan.storage import Timer
from qipan.tenancy import Matter
from qipan.testing import Databases
from qipan.worktime import Limit
from services.dispatch import reading, writing
from services.dispatch.change import Change, Stored
from services.dispatch.process import STANDARD, Do
from services.dispatch.service import Choice, Dispatch, Limits, Situation
from services.dispatch.telling import STAGE_DUE, due_of


@pytest.fixture
def desk(database_url: Databases) -> Iterator[Desk]:
    desk = Desk.open(database_url(build_dispatch))
    yield desk
    desk.database.close()


def inspector(desk: Desk) -> str:
    """A grid worker whose cells hold the place of the case."""
    return next(p.id for p in desk.process.district.people if CELL in p.cells)


def through(desk: Desk, upto: Stage) -> str:
    """File a case and take it to a stage; returns its id."""
    desk.file(triaged("r1"))
    case = desk.case()
    worker = case.worker or ""
    steps = [
        (Stage.ACCEPTED, worker, AcceptTask(case_id=case.case_id)),
        (Stage.DISPOSED, worker, DisposeTask(case_id=case.case_id, evidence=("photo:1",))),
        (Stage.INSPECTED, inspector(desk), InspectCase(case_id=case.case_id, passed=True)),
        (Stage.CLOSED, "sandun.shift-leader.1", CloseCase(case_id=case.case_id)),
    ]
    for stage, who, command in steps:
        if desk.case().stage is upto:
            break
        desk.ask(who, command)
        assert desk.case().stage is stage
    assert desk.case().stage is upto
    return case.case_id


def test_a_batch_told_twice_is_filed_once(desk: Desk) -> None:
    batch = [told(triaged(f"r{n}")) for n in range(5)]
    desk.hear(batch)
    desk.hear(batch)
    desk.hear([*batch, batch[0]])
    assert len(desk.cases()) == 5
    assert [message["type"] for _, message in desk.said()] == ["case.filed.v1"] * 5
    assert sum(row.open for row in desk.rows("SELECT open FROM dispatch.loads")) == 5


def test_the_same_report_filed_by_two_replicas_at_once_is_one_case(
    desk: Desk, database_url: Databases
) -> None:
    """Beneath the inbox: the natural key stops the slower one, whose batch is then tried again."""

    def file(_: int) -> bool:
        try:
            desk.file(*(triaged(f"r{n}") for n in range(20)))
        except IntegrityError:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert any(pool.map(file, range(4)))
    desk.file(*(triaged(f"r{n}") for n in range(20)))
    assert len(desk.cases()) == 20
    assert len(desk.said()) == 20


def test_only_what_triage_files_is_filed(desk: Desk) -> None:
    desk.file(*(triaged(o.value, outcome=o) for o in Outcome))
    assert [case.report_id for case in desk.cases()] == [Outcome.FILE.value]


def test_a_batch_is_spread_over_the_unit(desk: Desk) -> None:
    desk.file(*(triaged(f"r{n}") for n in range(16)))
    loads = desk.rows("SELECT worker, open FROM dispatch.loads ORDER BY worker")
    assert [(row.worker, row.open) for row in loads] == [(f"sandun.sweep.{n}", 2) for n in range(1, 9)]


def test_filing_takes_the_same_statements_for_one_and_for_fifty(desk: Desk) -> None:
    desk.file(triaged("a process reads a town's mandates once"))
    counted: list[str] = []
    event.listen(desk.database.engine, "before_cursor_execute", lambda *a: counted.append(a[2]))
    desk.file(triaged("first"))
    one = len(counted)
    counted.clear()
    desk.file(*(triaged(f"r{n}") for n in range(50)))
    assert len(counted) == one <= 10


def test_a_case_goes_through_the_whole_loop(desk: Desk) -> None:
    case_id = through(desk, Stage.CLOSED)
    case = desk.case()
    assert (case.version, case.closed_at is not None, case.due_at) == (5, True, None)
    assert desk.rows("SELECT * FROM dispatch.timers") == []
    assert [row.open for row in desk.rows("SELECT open FROM dispatch.loads")] == [0]
    assert [row.status for row in desk.rows("SELECT status FROM dispatch.tasks")] == ["passed"]
    clocks = desk.rows("SELECT clock, ended_at FROM dispatch.clocks ORDER BY version")
    assert [row.clock for row in clocks] == ["accept", "dispose", "inspect", "close"]
    assert all(row.ended_at for row in clocks)
    said = [message["data"]["case"] for _, message in desk.said()]
    assert [state["version"] for state in said] == [1, 2, 3, 4, 5]
    told = desk.ask("sandun.supervisor.1", TellCase(subject=case_id)).happenings
    assert [h.what for h in told] == ["file", "accept", "dispose", "pass", "close"]
    assert told[0].detail["why"]
    assert told[1].who == case.worker
    assert desk.ask("sandun.supervisor.1", TellCase(subject="r1")).happenings == told


def test_one_of_many_who_accept_at_once_wins(desk: Desk) -> None:
    desk.file(triaged("r1"))
    case_id = desk.case().case_id

    def accept(number: int) -> str:
        try:
            desk.ask(f"sandun.sweep.{number}", AcceptTask(case_id=case_id))
        except Conflict:
            return "refused"
        return f"sandun.sweep.{number}"

    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(accept, range(1, 5)))
    [winner] = [outcome for outcome in outcomes if outcome != "refused"]
    assert desk.case().worker == winner
    assert len(desk.rows("SELECT * FROM dispatch.history WHERE what = 'accept'")) == 1
    assert sum(row.open for row in desk.rows("SELECT open FROM dispatch.loads")) == 1


def test_the_loser_of_a_race_is_shown_the_case_as_it_is_now(desk: Desk) -> None:
    """The loser read the case before the winner wrote it: only the version in the UPDATE can tell."""
    desk.file(triaged("r1"))
    case_id = desk.case().case_id
    with desk.database.begin() as work:
        before = reading.find(work.conn, "sandun", case_id)
        assert before is not None
        desk.ask("sandun.sweep.1", AcceptTask(case_id=case_id))
        late = Stored(before.case.model_copy(update={"version": 2}), before.limits, before.unit_tenant)
        change = Change(before, late, STANDARD.steps[Do.ACCEPT], "sandun.sweep.2", desk.clock.now("sandun"))
        with pytest.raises(Conflict) as refused:
            writing.write(work.conn, [change])
    assert refused.value.context["case"]["worker"] == "sandun.sweep.1"


def test_an_expected_version_that_is_past_is_a_conflict(desk: Desk) -> None:
    case_id = through(desk, Stage.ACCEPTED)
    worker = desk.case().worker or ""
    late = DisposeTask(case_id=case_id, evidence=("p",), expected_version=1)
    with pytest.raises(Conflict) as refused:
        desk.ask(worker, late)
    assert refused.value.context["case"]["version"] == 2
    assert desk.ask(worker, late.model_copy(update={"expected_version": 2})).case.stage is Stage.DISPOSED


def test_a_step_that_is_not_possible_changes_nothing(desk: Desk) -> None:
    case_id = through(desk, Stage.DISPOSED)
    before = (desk.cases(), len(desk.said()))
    with pytest.raises(IllegalTransition):
        desk.ask(desk.case().worker or "", AcceptTask(case_id=case_id))
    with pytest.raises(NotFound):
        desk.ask("sandun.sweep.1", AcceptTask(case_id="no-such-case"))
    assert (desk.cases(), len(desk.said())) == before


@pytest.mark.parametrize(
    "who",
    [
        "sandun.order.1",  # another unit
        "beishan.sweep.1",  # another town
        "sandun.dispatcher.1",  # another role
    ],
)
def test_whoever_has_no_right_is_refused(desk: Desk, who: str) -> None:
    desk.file(triaged("r1"))
    with pytest.raises(QipanError) as refused:
        desk.ask(who, AcceptTask(case_id=desk.case().case_id))
    assert refused.value.status == 403
    assert desk.case().version == 1


def test_inspection_is_for_the_cell_and_for_somebody_else(desk: Desk) -> None:
    case_id = through(desk, Stage.DISPOSED)
    assert desk.case().waiting is None
    elsewhere = next(
        p.id
        for p in desk.process.district.people_of("sandun")
        if "grid-worker" in p.roles and CELL not in p.cells
    )
    with pytest.raises(Forbidden):
        desk.ask(elsewhere, InspectCase(case_id=case_id, passed=True))
    assert desk.ask(inspector(desk), InspectCase(case_id=case_id, passed=False)).case.stage is Stage.REWORK
    assert [row.open for row in desk.rows("SELECT open FROM dispatch.loads")] == [1]


@pytest.mark.parametrize("in_theirs_who_did_it", [False, True])
def test_what_no_grid_worker_may_inspect_waits_for_a_supervisor_by_name(
    database_url: Databases, in_theirs_who_did_it: bool
) -> None:
    """A cell without a grid worker, and one whose only one disposed of the case."""
    people = [p for p in xihu().people if CELL not in p.cells]
    if in_theirs_who_did_it:
        people = [
            replace(p, roles=("handler", "grid-worker"), cells=(CELL,)) if p.unit == "sandun/sweep" else p
            for p in people
            if p.unit != "sandun/sweep" or p.id == "sandun.sweep.1"
        ]
    desk = Desk.open(database_url(build_dispatch), district=replace(xihu(), people=tuple(people)))
    desk.file(triaged("r1"))
    case = desk.case()
    worker = "sandun.sweep.1" if in_theirs_who_did_it else case.worker or ""
    desk.ask(worker, AcceptTask(case_id=case.case_id))
    waiting = desk.ask(worker, DisposeTask(case_id=case.case_id, evidence=("p",))).case.waiting
    assert waiting is not None
    assert waiting.waits_for in {"sandun.supervisor.1", "sandun.supervisor.2"}
    assert ("had a part in it" if in_theirs_who_did_it else "no grid worker") in waiting.reason
    [listed] = desk.ask(waiting.waits_for, ListWork()).cases
    assert listed.waiting == waiting
    told = desk.ask("sandun.supervisor.1", TellCase(subject=case.case_id)).happenings[-1]
    assert (told.what, told.detail["waits_for"], told.detail["why"]) == (
        "dispose",
        waiting.waits_for,
        waiting.reason,
    )
    passed = desk.ask(waiting.waits_for, InspectCase(case_id=case.case_id, passed=True)).case
    assert (passed.stage, passed.waiting) == (Stage.INSPECTED, None)
    desk.database.close()


def test_a_returned_task_is_offered_to_somebody_else(desk: Desk) -> None:
    desk.file(triaged("r1"))
    case = desk.case()
    desk.ask(case.worker or "", ReturnTask(case_id=case.case_id, reason="不归我们管"))
    assert desk.case().reason == "不归我们管"
    [waiting] = desk.ask("sandun.dispatcher.1", ListWork()).cases
    assert waiting.case_id == case.case_id
    with pytest.raises(Invalid) as refused:
        desk.ask("sandun.dispatcher.1", DispatchCase(case_id=case.case_id, unit="beishan/sweep"))
    assert "sandun/order" in (refused.value.faults[0].allowed or "")
    with pytest.raises(Invalid, match="cannot be offered"):
        desk.ask(
            "sandun.dispatcher.1",
            DispatchCase(case_id=case.case_id, unit="sandun/order", worker="sandun.sweep.1"),
        )
    answer = desk.ask("sandun.dispatcher.1", DispatchCase(case_id=case.case_id, unit="sandun/order"))
    assert (answer.case.worker, answer.case.counters.offers) == ("sandun.order.1", 2)
    assert answer.case.task_id != case.task_id
    tasks = desk.rows("SELECT status FROM dispatch.tasks ORDER BY status")
    assert [row.status for row in tasks] == ["offered", "returned"]
    loads = desk.rows("SELECT worker, open FROM dispatch.loads WHERE open <> 0")
    assert [(row.worker, row.open) for row in loads] == [("sandun.order.1", 1)]


def test_a_voided_case_is_over(desk: Desk) -> None:
    desk.file(triaged("r1"))
    case_id = desk.case().case_id
    desk.ask("sandun.shift-leader.1", VoidCase(case_id=case_id, reason="误报"))
    assert desk.case().stage is Stage.VOIDED
    assert desk.rows("SELECT * FROM dispatch.timers") == []
    assert desk.let_pass(timedelta(days=30)) == 0


def test_a_clock_that_ran_out_is_told_once(desk: Desk) -> None:
    desk.file(triaged("r1"))
    assert desk.let_pass(timedelta(minutes=1)) == 0
    assert desk.let_pass(timedelta(days=3)) == 1
    assert desk.let_pass(timedelta(days=3)) == 0
    case = desk.case()
    assert (case.counters.overdue, case.version, case.stage) == (1, 2, Stage.OFFERED)
    assert [m["type"] for _, m in desk.said()] == ["case.filed.v1", "case.overdue.v1"]
    assert [row.overdue_at is not None for row in desk.rows("SELECT * FROM dispatch.clocks")] == [True]


def test_a_timer_of_a_stage_that_has_been_left_says_nothing(desk: Desk) -> None:
    through(desk, Stage.ACCEPTED)
    timer = desk.rows("SELECT due_at FROM dispatch.timers")
    assert timer[0].due_at == desk.case().due_at

    stale = Timer(
        "sandun",
        STAGE_DUE,
        desk.case().case_id,
        desk.clock.now("sandun"),
        {"stage": "offered", "due_at": "x"},
    )
    with desk.database.begin() as work:
        desk.service.stage_due(work, [stale])
    assert desk.case().counters.overdue == 0


def test_a_timer_does_not_wait_for_a_case_that_somebody_works_on(desk: Desk) -> None:
    through(desk, Stage.ACCEPTED)
    case = desk.case()
    timer = Timer("sandun", STAGE_DUE, case.case_id, case.due_at, due_of(case))
    with desk.database.begin() as other:
        reading.lock(other.conn, [("sandun", case.case_id)])
        with desk.database.begin() as work:
            desk.service.stage_due(work, [timer])  # would wait for ever here, and deadlock against set_timer
    assert desk.case().counters.overdue == 0
    assert desk.rows("SELECT due_at FROM dispatch.timers")[0].due_at == case.due_at
    with desk.database.begin() as work:
        desk.service.stage_due(work, [timer])
    assert desk.case().counters.overdue == 1


def test_a_rating_counts_once(desk: Desk) -> None:
    case_id = through(desk, Stage.CLOSED)
    rated = ReportRated(
        report_id="r1", case_id=case_id, rating=4, note="快", rated_at=desk.clock.now("sandun")
    )
    for _ in range(2):
        with desk.database.begin() as work:
            desk.service.rate_cases(work, [told(rated)])
    assert (desk.case().rating, desk.case().version) == (4, 6)
    with desk.database.begin() as work, pytest.raises(NotFound):
        desk.service.rate_cases(work, [told(rated.model_copy(update={"case_id": "none"}))])


def test_everyone_sees_what_waits_for_them(desk: Desk) -> None:
    desk.file(*(triaged(f"r{n}") for n in range(16)))
    mine = desk.ask("sandun.sweep.1", ListWork()).cases
    assert len(mine) == 2
    assert {case.worker for case in mine} == {"sandun.sweep.1"}
    assert desk.ask("sandun.order.1", ListWork()).cases == ()
    assert desk.ask("sandun.dispatcher.1", ListWork()).cases == ()
    assert len(desk.ask("sandun.dispatcher.1", ListWork(stages=(Stage.OFFERED,))).cases) == 16
    assert len(desk.ask("sandun.town-lead.1", ListWork()).cases) == 16
    desk.ask("sandun.sweep.1", AcceptTask(case_id=mine[0].case_id))
    desk.ask("sandun.sweep.1", DisposeTask(case_id=mine[0].case_id, evidence=("p",)))
    assert [c.case_id for c in desk.ask(inspector(desk), ListWork()).cases] == [mine[0].case_id]
    assert [c.case_id for c in desk.ask("sandun.supervisor.1", ListWork()).cases] == [mine[0].case_id]
    desk.ask(inspector(desk), InspectCase(case_id=mine[0].case_id, passed=True))
    assert [c.case_id for c in desk.ask("sandun.shift-leader.1", ListWork()).cases] == [mine[0].case_id]
    with pytest.raises(Forbidden):
        desk.ask("beishan.sweep.1", GetCase(case_id=mine[0].case_id))


def test_a_long_list_is_read_page_by_page(desk: Desk) -> None:
    for number in range(9):
        desk.clock.advance(timedelta(minutes=number % 3))
        desk.file(*(triaged(f"r{number}.{n}") for n in range(5)))
    read, after = [], None
    while True:
        page = desk.ask("sandun.town-lead.1", ListWork(limit=7, after=after))
        read += page.cases
        after = page.next
        if after is None:
            break
        assert len(page.cases) == 7
    assert sorted(case.case_id for case in read) == sorted(case.case_id for case in desk.cases())
    assert [case.due_at for case in read] == sorted(case.due_at for case in read if case.due_at)
    with pytest.raises(Invalid):
        desk.ask("sandun.town-lead.1", ListWork(after="yesterday"))


def test_a_departments_unit_is_told_in_its_own_tenant_and_acts_from_there(desk: Desk) -> None:
    desk.file(triaged("r1", matter="s:09009"))
    case = desk.case()
    assert (case.department, case.tenant) == ("traffic-police", "sandun")
    assert [(tenant, m["type"]) for tenant, m in desk.said()] == [
        ("sandun", "case.filed.v1"),
        ("traffic-police", "task.offered.v1"),
    ]
    accept = AcceptTask(case_id=case.case_id)
    with pytest.raises(Forbidden):
        desk.ask("sandun", accept)  # a town's service has no right over a department's task
    answer = desk.ask("traffic-police", accept, tenant="traffic-police")
    assert (answer.case.stage, answer.case.worker) == (Stage.ACCEPTED, case.worker)
    assert [tenant for tenant, _ in desk.said()] == ["sandun", "traffic-police", "sandun"]
    seen = desk.ask(
        "traffic-police.dispatcher.1", ListWork(stages=(Stage.ACCEPTED,)), tenant="traffic-police"
    )
    assert [c.case_id for c in seen.cases] == [case.case_id]


def test_a_department_has_no_say_over_others_cases(desk: Desk) -> None:
    desk.file(triaged("r1"))
    accept = AcceptTask(case_id=desk.case().case_id)
    with pytest.raises(NotFound):
        desk.ask("traffic-police", accept, tenant="traffic-police")
    with pytest.raises(Forbidden):
        desk.ask("traffic-police", accept, tenant="sandun")


def test_an_exercise_files_beside_real_life(desk: Desk) -> None:
    desk.file(triaged("r1"))
    desk.file(triaged("r1"), tenant="sandun~ex7")
    live, shadow = desk.cases()
    assert live.case_id != shadow.case_id
    assert shadow.worker == f"{live.worker}~ex7"
    assert len(desk.ask("sandun.town-lead.1", ListWork()).cases) == 1


def test_where_the_town_says_so_a_case_is_closed_with_its_inspection(database_url: Databases) -> None:
    parts = dict(xihu().parts)
    settings = {**parts["sandun"].settings, "dispatch.close-on-inspection": True}
    parts["sandun"] = replace(parts["sandun"], settings=settings)
    desk = Desk.open(database_url(build_dispatch), district=replace(xihu(), parts=parts))
    case_id = through(desk, Stage.DISPOSED)
    answer = desk.ask(inspector(desk), InspectCase(case_id=case_id, passed=True))
    assert answer.case.stage is Stage.CLOSED
    assert [m["type"] for _, m in desk.said()][-2:] == ["case.inspected.v1", "case.closed.v1"]
    told = desk.ask("sandun.supervisor.1", TellCase(subject=case_id)).happenings
    assert [(h.what, h.who) for h in told][-2:] == [("pass", inspector(desk)), ("close", "system")]
    assert desk.rows("SELECT * FROM dispatch.timers") == []
    desk.database.close()


class Eager(Dispatch):
    """A town whose rules are all its own."""

    def choose(self, situation: Situation) -> Choice | None:
        team = situation.squad("sandun/order")
        return situation.ask(team, "always the same") if team else None

    def limits(self, matter: Matter, usual: Limits) -> Limits:
        return replace(usual, accept=Limit.parse("3 minutes"))


def test_a_towns_rules_apply_and_its_limits_stay_with_the_case(database_url: Databases) -> None:
    desk = Desk.open(database_url(build_dispatch), kind=Eager)
    desk.file(triaged("r1"))
    case = desk.case()
    assert (case.unit, case.due_at) == ("sandun/order", MONDAY_NOON + timedelta(minutes=3))
    desk.service = worker_factory(Dispatch, process=desk.process, grounds=desk.service.grounds)
    desk.ask(case.worker or "", ReturnTask(case_id=case.case_id, reason="不归我们管"))
    again = desk.ask("sandun.dispatcher.1", DispatchCase(case_id=case.case_id, unit="sandun/sweep")).case
    assert again.due_at == MONDAY_NOON + timedelta(minutes=3)
    desk.database.close()
