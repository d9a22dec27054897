"""Returns on a real database: refused and counted, disputed once, decided by the district's arbiter."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from dispatch_desk import Desk, build_dispatch, triaged, xihu
from nameko.testing.services import worker_factory

from qipan.contracts.case import CaseState, Stage
from qipan.contracts.commands import AcceptTask, DispatchCase, DisposeTask, ReturnTask, VoidCase
from qipan.contracts.errors import Conflict, Forbidden, IllegalTransition, Invalid
from qipan.contracts.queries import ListWork, TellCase
from qipan.contracts.returns import ArbitrateReturn, DisputeReturn, ListDisputes, RefuseReturn
from qipan.hosting.embedded.postgres import EmbeddedPostgres
from qipan.testing import Databases
from services.dispatch.grounds import Grounds
from services.dispatch.service import Dispatch

DISPATCHER, ARBITER = "sandun.dispatcher.1", "xihu.dispatcher.1"


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


def returned(desk: Desk, matter: str = "s:06010") -> CaseState:
    """A case that its worker gave back, saying whose it is."""
    desk.file(triaged("r1", matter=matter))
    case = desk.case()
    back = ReturnTask(case_id=case.case_id, reason="不属于本队职责", whose="sandun/order")
    return desk.ask(case.worker or "", back).case


def refused(desk: Desk) -> CaseState:
    case = returned(desk)
    return desk.ask(DISPATCHER, RefuseReturn(case_id=case.case_id, reason="职责清单第三条")).case


def disputed(desk: Desk) -> CaseState:
    case = refused(desk)
    return desk.ask(case.worker or "", DisputeReturn(case_id=case.case_id, reason="清单已修订")).case


def test_a_return_says_whose_it_is(desk: Desk) -> None:
    case = returned(desk)
    assert case.returned is not None
    assert (case.returned.unit, case.returned.whose) == ("sandun/sweep", "sandun/order")
    assert case.returned.worker == "sandun.sweep.1"
    told = desk.ask(DISPATCHER, TellCase(subject=case.case_id)).happenings
    assert told[-1].detail == {"reason": "不属于本队职责", "whose": "sandun/order"}
    desk.file(triaged("r2"))
    other = next(c for c in desk.cases() if c.report_id == "r2")
    with pytest.raises(Invalid) as wrong:
        desk.ask(other.worker or "", ReturnTask(case_id=other.case_id, reason="不归我们管", whose="somebody"))
    assert wrong.value.faults[0].where == "whose"


def test_an_unjustified_return_goes_back_to_its_worker_and_is_counted(desk: Desk) -> None:
    before = returned(desk)
    case = desk.ask(DISPATCHER, RefuseReturn(case_id=before.case_id, reason="职责清单第三条")).case
    assert (case.stage, case.unit, case.worker) == (Stage.OFFERED, "sandun/sweep", "sandun.sweep.1")
    assert (case.counters.offers, case.counters.returns, case.counters.unjustified_returns) == (1, 1, 1)
    assert case.returned is not None
    assert case.task_id == case.returned.task_id
    assert [row.status for row in desk.rows("SELECT status FROM dispatch.tasks")] == ["offered"]
    assert [row.open for row in desk.rows("SELECT open FROM dispatch.loads WHERE open <> 0")] == [1]
    assert desk.said()[-1][1]["type"] == "case.return.refused.v1"
    assert desk.ask("sandun.sweep.1", AcceptTask(case_id=case.case_id)).case.stage is Stage.ACCEPTED


def test_a_justified_return_goes_elsewhere_and_counts_against_nobody(desk: Desk) -> None:
    case = returned(desk)
    case = desk.ask(DISPATCHER, DispatchCase(case_id=case.case_id, unit="sandun/order")).case
    assert (case.counters.unjustified_returns, case.returned) == (0, None)
    with pytest.raises(Conflict):
        desk.ask(case.worker or "", DisputeReturn(case_id=case.case_id, reason="?"))


def test_what_nobody_returned_cannot_be_refused(desk: Desk) -> None:
    desk.file(triaged("r1"))
    with pytest.raises(IllegalTransition):
        desk.ask(DISPATCHER, RefuseReturn(case_id=desk.case().case_id, reason="x"))


def test_a_departments_unit_is_told_of_the_refusal_in_its_own_tenant(desk: Desk) -> None:
    case = returned(desk, matter="s:09009")
    desk.ask(DISPATCHER, RefuseReturn(case_id=case.case_id, reason="职责清单"))
    assert [(tenant, m["type"]) for tenant, m in desk.said()][-2:] == [
        ("sandun", "case.return.refused.v1"),
        ("traffic-police", "task.offered.v1"),
    ]


@pytest.mark.parametrize("justified", [True, False])
def test_a_return_arbitrated(desk: Desk, justified: bool) -> None:
    case = disputed(desk)
    assert (case.stage, case.own_stage, case.worker) == (Stage.RETURNED, "arbitration", None)
    assert case.due_at is not None
    assert case.due_at - desk.clock.now("sandun") > timedelta(days=1)
    [waiting] = desk.ask(ARBITER, ListDisputes(), tenant="xihu").cases
    assert waiting.case_id == case.case_id
    asked = ArbitrateReturn(
        case_id=case.case_id, justified=justified, reason="依2026年职责清单", authority="西府办〔2026〕3号"
    )
    case = desk.ask(ARBITER, asked).case
    assert case.returned is not None
    verdict = case.returned.allowed if justified else case.returned.denied
    assert verdict is not None
    assert (verdict.by, verdict.authority) == (ARBITER, "西府办〔2026〕3号")
    assert desk.ask(ARBITER, ListDisputes(), tenant="xihu").cases == ()
    counters = case.counters
    assert (counters.unjustified_returns, counters.overturned_refusals) == (1, int(justified))
    if justified:
        assert (case.stage, case.own_stage) == (Stage.RETURNED, None)
        with pytest.raises(Forbidden, match="arbiter"):
            desk.ask(DISPATCHER, RefuseReturn(case_id=case.case_id, reason="还是你们的"))
        case = desk.ask(DISPATCHER, DispatchCase(case_id=case.case_id, unit="sandun/order")).case
        assert case.unit == "sandun/order"
    else:
        assert (case.stage, case.worker) == (Stage.OFFERED, "sandun.sweep.1")
        for again in (ReturnTask, DisputeReturn):
            with pytest.raises(Forbidden, match="arbiter"):
                desk.ask("sandun.sweep.1", again(case_id=case.case_id, reason="仍不属于我们"))
        desk.ask("sandun.sweep.1", AcceptTask(case_id=case.case_id))
        done = desk.ask("sandun.sweep.1", DisposeTask(case_id=case.case_id, evidence=("p",))).case
        assert done.stage is Stage.DISPOSED


@pytest.mark.parametrize(
    "who", [DISPATCHER, "sandun.supervisor.1", "xihu.supervisor.1", "xihu.district-lead.1"]
)
def test_only_the_districts_arbiter_decides(desk: Desk, who: str) -> None:
    case = disputed(desk)
    with pytest.raises(Forbidden):
        desk.ask(who, ArbitrateReturn(case_id=case.case_id, justified=True, reason="x"))
    assert desk.case().version == case.version


def test_while_the_arbiter_decides_nobody_else_moves_it(desk: Desk) -> None:
    case = disputed(desk)
    for who, step in (
        (DISPATCHER, DispatchCase(case_id=case.case_id, unit="sandun/order")),
        (DISPATCHER, RefuseReturn(case_id=case.case_id, reason="x")),
        ("sandun.sweep.1", AcceptTask(case_id=case.case_id)),
    ):
        with pytest.raises(IllegalTransition):
            desk.ask(who, step)
    assert desk.ask("sandun.sweep.1", ListWork()).cases == ()


def test_the_arbiters_clock_runs_out_aloud(desk: Desk) -> None:
    disputed(desk)
    assert desk.let_pass(timedelta(hours=12)) == 0
    assert desk.let_pass(timedelta(days=3)) == 1
    case = desk.case()
    assert (case.counters.overdue, case.own_stage) == (1, "arbitration")
    assert desk.said()[-1][1]["type"] == "case.overdue.v1"


def test_a_voided_dispute_waits_for_nobody(desk: Desk) -> None:
    case = disputed(desk)
    desk.ask("sandun.shift-leader.1", VoidCase(case_id=case.case_id, reason="重复"))
    assert desk.ask(ARBITER, ListDisputes(), tenant="xihu").cases == ()
    assert [row.what for row in desk.rows("SELECT what FROM dispatch.disputes")] == ["void"]


def test_a_town_may_name_another_arbiter_and_another_limit(desk: Desk) -> None:
    parts = dict(xihu().parts)
    settings = {**parts["sandun"].settings, "dispatch.arbiter": "district-lead"}
    parts["sandun"] = replace(parts["sandun"], settings=settings)
    district = replace(xihu(), parts=parts)
    case = disputed(desk)
    usual, process = desk.service, desk.process.district
    desk.process.district = district
    desk.service = worker_factory(Dispatch, process=desk.process, grounds=Grounds(district))
    try:
        asked = ArbitrateReturn(case_id=case.case_id, justified=True, reason="依职责清单")
        with pytest.raises(Forbidden):
            desk.ask(ARBITER, asked)
        answer = desk.ask("xihu.district-lead.1", asked)
        assert answer.case.returned.allowed.authority == "xihu: district-lead"
    finally:
        desk.service, desk.process.district = usual, process


def test_an_exercises_disputes_are_not_the_districts(desk: Desk) -> None:
    case = disputed(desk)
    with pytest.raises(Forbidden):
        desk.ask(ARBITER, ListDisputes(), tenant="xihu~ex7")
    assert [c.case_id for c in desk.ask(ARBITER, ListDisputes(), tenant="sandun").cases] == [case.case_id]
    assert desk.ask(ARBITER, ListDisputes(), tenant="beishan").cases == ()
    with pytest.raises(Forbidden):
        desk.ask(DISPATCHER, ListDisputes(), tenant="xihu")


def without(desk: Desk, worker: str) -> Desk:
    """Another process on the same database, whose pack does not have this worker any more."""
    return Desk.on(desk, replace(xihu(), people=tuple(p for p in xihu().people if p.id != worker)))


def test_what_somebody_has_who_left_goes_to_a_dispatcher_by_name(desk: Desk) -> None:
    desk.file(triaged("r1"), triaged("r2"), triaged("r3"))
    gone = desk.cases()[0].worker or ""
    theirs = next(c for c in desk.cases() if c.worker == gone)
    others = [c for c in desk.cases() if c.worker != gone]
    desk.ask(gone, AcceptTask(case_id=theirs.case_id))
    after = without(desk, gone)
    after.service.take_back_from_leavers()
    assert all(c.worker for c in desk.cases()), "somebody new might be unknown to an old process"
    desk.clock.advance(timedelta(minutes=6))
    desk.service.take_back_from_leavers()
    assert all(c.worker for c in desk.cases())
    keeps = (
        "INSERT INTO dispatch.timer_keepers VALUES ('sandun', 'stage.due', 'own', now() + interval '1 min')"
    )
    with desk.database.begin() as work:
        work.conn.exec_driver_sql(keeps)
    after.service.take_back_from_leavers()
    assert all(c.worker for c in desk.cases()), "the town's own dispatch sees to it"
    with desk.database.begin() as work:
        work.conn.exec_driver_sql("DELETE FROM dispatch.timer_keepers")
    after.service.take_back_from_leavers()
    after.service.take_back_from_leavers()
    case = next(c for c in desk.cases() if c.case_id == theirs.case_id)
    assert (case.stage, case.worker, case.version) == (Stage.FILED, None, theirs.version + 2)
    assert gone in (case.reason or "")
    assert [c for c in desk.cases() if c.case_id != case.case_id] == others
    assert gone not in {row.worker for row in desk.rows("SELECT worker FROM dispatch.loads WHERE open > 0")}
    told = desk.ask(DISPATCHER, TellCase(subject=case.case_id)).happenings[-1]
    assert (told.what, told.detail["waits_for"]) == ("withdraw", DISPATCHER)
    assert case.case_id in {c.case_id for c in desk.ask(DISPATCHER, ListWork()).cases}
    sent = after.ask(DISPATCHER, DispatchCase(case_id=case.case_id)).case
    assert sent.worker not in (None, gone)


def test_a_refused_return_of_somebody_who_left_goes_to_the_unit(desk: Desk) -> None:
    case = returned(desk)
    after = without(desk, "sandun.sweep.1")
    case = after.ask(DISPATCHER, RefuseReturn(case_id=case.case_id, reason="职责清单第三条")).case
    assert (case.stage, case.unit, case.worker) == (Stage.OFFERED, "sandun/sweep", None)
