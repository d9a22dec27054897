"""Field command on a real database: shifts, states, going to a task."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from dispatch_desk import MONDAY_NOON, Desk, build_dispatch, triaged, xihu
from sqlalchemy import event

from qipan.contracts.commands import AcceptTask, DisposeTask
from qipan.contracts.errors import Forbidden, Invalid
from qipan.contracts.field import (
    ArriveOnScene,
    DepartForTask,
    EndShift,
    Fielded,
    GetField,
    StartShift,
    WorkerState,
)
from qipan.contracts.queries import TellCase
from qipan.storage import timers
from qipan.tenancy import District
from qipan.testing import Databases
from services.dispatch import shift_store
from services.dispatch.entrypoints.field import SHIFT_END

DISPATCHER = "sandun.dispatcher.1"


@pytest.fixture
def desk(database_url: Databases) -> Iterator[Desk]:
    desk = Desk.open(database_url(build_dispatch))
    yield desk
    desk.database.close()


def requiring(district: District) -> District:
    """The district with a Sandun that asks only who has signed on."""
    parts = dict(district.parts)
    settings = {**parts["sandun"].settings, "dispatch.shifts": "required"}
    parts["sandun"] = replace(parts["sandun"], settings=settings)
    return replace(district, parts=parts)


def one(desk: Desk, worker: str, who: str = DISPATCHER, tenant: str = "sandun") -> Fielded:
    workers = desk.ask(who, GetField(), tenant=tenant).workers
    return next(found for found in workers if found.worker == worker)


def shifts_end(desk: Desk, after: timedelta) -> int:
    desk.clock.advance(after)
    with desk.database.begin() as work:
        due = timers.take_due(work.conn, "dispatch", SHIFT_END, desk.clock.now("sandun"))
        if due:
            desk.service.shift_end(work, due)
        return len(due)


def test_a_worker_stands_as_shift_and_tasks_say(desk: Desk) -> None:
    desk.file(triaged("r1"))
    case_id, worker = desk.case().case_id, desk.case().worker or ""
    states = [one(desk, worker).state]
    for command in (
        AcceptTask(case_id=case_id),
        DepartForTask(case_id=case_id),
        ArriveOnScene(case_id=case_id),
        DisposeTask(case_id=case_id, evidence=("photo:1",)),
    ):
        desk.ask(worker, command)
        states.append(one(desk, worker).state)
    assert states == ["reserved", "busy", "en-route", "on-scene", "available"]
    told = desk.ask("sandun.supervisor.1", TellCase(subject=case_id)).happenings
    assert [h.what for h in told] == ["file", "accept", "depart", "arrive", "dispose"]
    assert [m["type"] for _, m in desk.said()][2:4] == ["case.departed.v1", "case.arrived.v1"]


def test_a_shift_begins_once_and_ends_once(desk: Desk) -> None:
    begun = desk.ask("sandun.sweep.1", StartShift())
    desk.clock.advance(timedelta(minutes=5))
    assert desk.ask("sandun.sweep.1", StartShift()) == begun
    assert begun.until == MONDAY_NOON + timedelta(hours=12)
    until = MONDAY_NOON + timedelta(hours=3)
    assert desk.ask("sandun.sweep.1", StartShift(until=until)).until == until
    assert one(desk, "sandun.sweep.1").shift.until == until
    ended = desk.ask(DISPATCHER, EndShift(worker="sandun.sweep.1"))
    desk.clock.advance(timedelta(minutes=5))
    assert desk.ask("sandun.sweep.1", EndShift()) == ended
    assert (ended.ended_at, ended.ended_by) == (MONDAY_NOON + timedelta(minutes=5), DISPATCHER)
    assert one(desk, "sandun.sweep.1").state is WorkerState.OFF
    assert desk.rows("SELECT * FROM dispatch.timers") == []
    again = desk.ask("sandun.sweep.1", StartShift())
    assert again.started_at == MONDAY_NOON + timedelta(minutes=10)
    assert len(desk.rows("SELECT * FROM dispatch.shifts")) == 2


def test_nobody_stays_signed_on_beyond_the_end(desk: Desk) -> None:
    desk.ask("sandun.sweep.1", StartShift(until=MONDAY_NOON + timedelta(hours=2)))
    assert shifts_end(desk, timedelta(hours=1)) == 0
    assert shifts_end(desk, timedelta(hours=3)) == 1
    shift = one(desk, "sandun.sweep.1").shift
    assert (shift.ended_at, shift.ended_by) == (MONDAY_NOON + timedelta(hours=2), "system: time was up")


def test_a_timer_of_an_earlier_shift_does_not_end_the_next(desk: Desk) -> None:
    desk.ask("sandun.sweep.1", StartShift(until=MONDAY_NOON + timedelta(hours=2)))
    with desk.database.begin() as work:
        stale = timers.take_due(work.conn, "dispatch", SHIFT_END, MONDAY_NOON + timedelta(hours=2))
    desk.clock.advance(timedelta(hours=3))
    desk.ask("sandun.sweep.1", StartShift())
    with desk.database.begin() as work:
        desk.service.shift_end(work, stale)
    assert one(desk, "sandun.sweep.1").state is WorkerState.AVAILABLE


def test_who_signs_off_keeps_the_task_and_the_dispatcher_sees_it(desk: Desk) -> None:
    desk.file(triaged("r1"))
    case = desk.case()
    worker = case.worker or ""
    desk.ask(worker, StartShift())
    desk.ask(worker, AcceptTask(case_id=case.case_id))
    desk.ask(worker, EndShift())
    seen = one(desk, worker)
    assert (seen.state, [task.case_id for task in seen.tasks]) == (WorkerState.OFF, [case.case_id])
    assert seen.why.endswith("still holds 1 task")
    with pytest.raises(Invalid, match="on shift") as refused:
        desk.ask(worker, DepartForTask(case_id=case.case_id))
    assert "/v1/shifts/start" in (refused.value.faults[0].allowed or "")


def test_where_shifts_are_required_nobody_counts_as_there_without_one(desk: Desk) -> None:
    assert one(desk, "sandun.sweep.1").state is WorkerState.AVAILABLE
    strict = Desk.on(desk, requiring(xihu()))
    assert one(strict, "sandun.sweep.1").state is WorkerState.OFF
    strict.ask("sandun.sweep.1", StartShift())
    assert one(strict, "sandun.sweep.1").state is WorkerState.AVAILABLE


@pytest.mark.parametrize(
    ("who", "request_", "tenant", "error"),
    [
        ("sandun.sweep.1", StartShift(worker="sandun.sweep.2"), "sandun", Forbidden),
        ("beishan.dispatcher.1", StartShift(worker="sandun.sweep.2"), "sandun", Forbidden),
        ("sandun.acceptor.1", StartShift(), "sandun", Forbidden),
        (DISPATCHER, StartShift(), "sandun", Invalid),
        (DISPATCHER, StartShift(worker="nobody"), "sandun", Invalid),
        (DISPATCHER, EndShift(worker="sandun.sweep.1"), "sandun", Invalid),
        ("beishan.dispatcher.1", GetField(), "sandun", Forbidden),
    ],
)
def test_whoever_has_no_business_with_it_is_refused(
    desk: Desk, who: str, request_: object, tenant: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        desk.ask(who, request_, tenant=tenant)


def test_everybody_sees_the_workers_they_answer_for(desk: Desk) -> None:
    town = desk.ask(DISPATCHER, GetField()).workers
    assert {"sandun.sweep.1", "sandun.grid-worker.1"} <= {found.worker for found in town}
    mates = desk.ask("sandun.traffic.1", GetField()).workers
    assert {found.unit for found in mates} == {"sandun/traffic"}
    assert desk.ask(DISPATCHER, GetField(unit="sandun/traffic")).workers == mates
    department = desk.ask("traffic-police.dispatcher.1", GetField(), tenant="traffic-police").workers
    assert {found.unit for found in department} > {"sandun/traffic", "beishan/traffic"}
    abroad = desk.ask("traffic-police.dispatcher.1", GetField(), tenant="sandun").workers
    assert abroad == mates
    assert desk.ask(DISPATCHER, GetField(state=WorkerState.OFF)).workers == ()


def test_an_exercise_has_shifts_of_its_own(desk: Desk) -> None:
    desk.ask("sandun.sweep.1", StartShift())
    with desk.database.begin() as work:
        live, shadow = (shift_store.duties_of(work.conn, [tenant]) for tenant in ("sandun", "sandun~ex7"))
    assert (len(live), len(shadow)) == (1, 0)


def test_only_who_is_there_is_offered_a_case(desk: Desk) -> None:
    """A worker who has signed off gets nothing; where shifts are required, only who has signed on does."""
    workers = [f"sandun.sweep.{n}" for n in range(1, 9)]
    for worker in workers[1:]:
        desk.ask(worker, StartShift())
        desk.ask(worker, EndShift())
    desk.file(*(triaged(f"r{n}") for n in range(4)))
    assert {case.worker for case in desk.cases()} == {workers[0]}
    strict = Desk.on(desk, requiring(xihu()))
    strict.ask(workers[2], StartShift())
    strict.file(*(triaged(f"s{n}") for n in range(4)))
    assert {case.worker for case in desk.cases() if case.report_id.startswith("s")} == {workers[2]}


def test_filing_asks_for_the_field_in_one_statement(desk: Desk) -> None:
    counted: list[str] = []
    event.listen(desk.database.engine, "before_cursor_execute", lambda *a: counted.append(a[2]))
    desk.file(triaged("r1"))
    assert len([sql for sql in counted if "dispatch.modes" in sql]) == 1
    assert len([sql for sql in counted if "on_since" in sql]) == 1
