"""Choosing on a real database: nobody vanishes, and what was chosen and why can be read."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from dispatch_desk import Desk, build_dispatch, triaged, xihu
from sqlalchemy import event

from qipan.contracts.case import Stage
from qipan.contracts.choosing import DispatchWaiting, MatchWaiting, RecommendUnits
from qipan.contracts.commands import DispatchCase, ReturnTask
from qipan.contracts.errors import Forbidden, Invalid, NotFound
from qipan.contracts.queries import ListWork, TellCase
from qipan.tenancy import District
from qipan.tenancy.model import StepModel, WorkflowModel
from qipan.tenancy.workflow.build import build
from qipan.testing import Databases
from services.dispatch.availability import Availability, Presence
from services.dispatch.service import Dispatch


def sandun(**settings: object) -> District:
    """Xihu, with settings of Sandun's under `dispatch.`."""
    district = xihu()
    parts = district.parts["sandun"]
    own = {f"dispatch.{key.replace('_', '-')}": value for key, value in settings.items()}
    changed = replace(parts, settings={**parts.settings, **own})
    return replace(district, parts={**district.parts, "sandun": changed})


@pytest.fixture
def url(database_url: Databases) -> str:
    return database_url(build_dispatch)


@pytest.fixture
def desk(url: str) -> Iterator[Desk]:
    desk = Desk.open(url)
    yield desk
    desk.database.close()


class Empty(Dispatch):
    """A dispatch on a day when none of the sweepers is there."""

    def field(self, work: object, tenants: object) -> dict[str, Availability]:
        return {
            "sandun": Availability(
                {f"sandun.sweep.{n}": Presence(available=False, why="off shift") for n in range(1, 9)}
            )
        }


def test_a_case_nobody_can_be_found_for_lies_on_a_named_dispatchers_list(url: str) -> None:
    desk = Desk.open(url, Empty)
    desk.file(triaged("r1"), triaged("r2", matter="s:99999"))
    for case in desk.cases():
        assert (case.stage, case.unit) == (Stage.FILED, None)
        [filed] = desk.ask("sandun.supervisor.1", TellCase(subject=case.case_id)).happenings
        assert filed.detail["why"] == case.reason
        mine = desk.ask(filed.detail["waits_for"], ListWork()).cases
        assert case in mine
    reasons = sorted(case.reason or "" for case in desk.cases())
    assert "sandun.sweep.1 is not there: off shift" in reasons[0]
    assert "no matter of this town" in reasons[1]
    desk.database.close()


def test_a_town_may_keep_the_choice_to_its_dispatchers(url: str) -> None:
    desk = Desk.open(url, district=sandun(choose="recommend"))
    desk.file(triaged("r1"))
    case = desk.case()
    assert (case.stage, case.worker) == (Stage.FILED, None)
    assert "recommended is sandun.sweep.1" in (case.reason or "")
    desk.database.close()


def test_a_worker_gets_no_more_than_the_town_allows(url: str) -> None:
    desk = Desk.open(url, district=sandun(most_each=2))
    desk.file(*(triaged(f"r{n}") for n in range(20)))
    loads = desk.rows("SELECT open FROM dispatch.loads")
    assert [row.open for row in loads] == [2] * 8
    waiting = [case for case in desk.cases() if case.stage is Stage.FILED]
    assert len(waiting) == 4
    assert all("2 are the most" in (case.reason or "") for case in waiting)
    desk.database.close()


def returned(desk: Desk) -> str:
    """A case that the sweepers gave back; its id."""
    desk.file(triaged("r1"))
    case = desk.case()
    desk.ask(case.worker or "", ReturnTask(case_id=case.case_id, reason="不归我们管"))
    return case.case_id


def test_a_dispatcher_sees_whom_to_ask_and_why_nobody_else(desk: Desk) -> None:
    desk.file(triaged("r1"), triaged("r2"))
    case_id = desk.cases()[0].case_id
    before = (desk.cases(), len(desk.said()))
    found = desk.ask("sandun.dispatcher.1", RecommendUnits(case_id=case_id))
    assert (found.candidates[0].unit, found.candidates[0].rule) == ("sandun/sweep", "district")
    assert {one.unit for one in found.passed_over if one.worker is None} == {
        unit.id for unit in desk.process.district.units_of("sandun") if unit.id != "sandun/sweep"
    }
    assert {one.rule for one in found.passed_over} == {"matter", "travel-and-load"}
    assert (desk.cases(), len(desk.said())) == before
    for who in ("sandun.sweep.1", "beishan.dispatcher.1"):
        with pytest.raises(Forbidden):
            desk.ask(who, RecommendUnits(case_id=case_id))


def test_one_click_follows_the_recommendation(url: str) -> None:
    desk = Desk.open(url, district=sandun(choose="recommend"))
    desk.file(triaged("r1"))
    case_id = desk.case().case_id
    first = desk.ask("sandun.dispatcher.1", RecommendUnits(case_id=case_id)).candidates[0]
    case = desk.ask("sandun.dispatcher.1", DispatchCase(case_id=case_id)).case
    assert (case.stage, case.unit, case.worker) == (Stage.OFFERED, first.unit, first.worker)
    assert case.counters.overrides == 0
    told = desk.ask("sandun.supervisor.1", TellCase(subject=case_id)).happenings[-1]
    assert (told.detail["followed"], told.detail["recommended"]) == ("yes", first.worker)
    desk.database.close()


def test_an_override_is_counted_and_told_with_the_rule_it_went_against(desk: Desk) -> None:
    desk.file(triaged("r1"))
    case_id = desk.case().case_id
    command = DispatchCase(case_id=case_id, unit="sandun/order", reason="离得最近")
    case = desk.ask("sandun.dispatcher.1", command).case
    assert (case.unit, case.counters.overrides, case.counters.offers) == ("sandun/order", 1, 2)
    told = desk.ask("sandun.supervisor.1", TellCase(subject=case_id)).happenings[-1]
    assert told.detail["followed"] == "no"
    assert told.detail["reason"] == "离得最近"
    assert told.detail["passed_over"] == "matter: sandun/order does not see to s:06010"
    case = desk.ask(
        "sandun.dispatcher.1", DispatchCase(case_id=case_id, unit="sandun/sweep", worker="sandun.sweep.8")
    ).case
    assert case.counters.overrides == 2


def test_who_gave_a_case_back_is_not_asked_again(desk: Desk) -> None:
    case_id = returned(desk)
    found = desk.ask("sandun.dispatcher.1", RecommendUnits(case_id=case_id))
    assert found.candidates == ()
    assert ("sandun/sweep", "declined") in {(one.unit, one.rule) for one in found.passed_over}
    with pytest.raises(Invalid) as refused:
        desk.ask("sandun.dispatcher.1", DispatchCase(case_id=case_id))
    assert "gave the case back" in refused.value.faults[0].what
    assert "sandun/order" in (refused.value.faults[0].allowed or "")
    case = desk.ask("sandun.dispatcher.1", DispatchCase(case_id=case_id, unit="sandun/sweep")).case
    assert (case.unit, case.counters.overrides) == ("sandun/sweep", 0)


def test_a_case_of_an_unknown_matter_can_be_dispatched_by_hand(desk: Desk) -> None:
    desk.file(triaged("r1", matter="s:99999"))
    case_id = desk.case().case_id
    assert desk.ask("sandun.dispatcher.1", RecommendUnits(case_id=case_id)).candidates == ()
    case = desk.ask("sandun.dispatcher.1", DispatchCase(case_id=case_id, unit="sandun/order")).case
    assert case.worker == "sandun.order.1"


def test_a_batch_matched_as_a_whole_is_spread_too(url: str) -> None:
    desk = Desk.open(url, district=sandun(match="optimal"))
    desk.file(*(triaged(f"r{n}") for n in range(16)))
    loads = desk.rows("SELECT worker, open FROM dispatch.loads ORDER BY worker")
    assert [(row.worker, row.open) for row in loads] == [(f"sandun.sweep.{n}", 2) for n in range(1, 9)]
    [filed] = desk.ask("sandun.supervisor.1", TellCase(subject=desk.cases()[0].case_id)).happenings
    assert "shared out with 16" in filed.detail["why"]
    desk.database.close()


def test_what_waits_is_shared_out_at_one_click(url: str) -> None:
    desk = Desk.open(url, district=sandun(choose="recommend"))
    desk.file(*(triaged(f"r{n}") for n in range(16)), triaged("odd", matter="s:99999"))
    before = (desk.cases(), len(desk.said()))
    planned = desk.ask("sandun.dispatcher.1", MatchWaiting(limit=100))
    assert (desk.cases(), len(desk.said())) == before
    assert (len(planned.matched), len(planned.left)) == (16, 1)
    assert "no unit here handles it" in planned.left[0].why
    counted: list[str] = []
    event.listen(desk.database.engine, "before_cursor_execute", lambda *a: counted.append(a[2]))
    done = desk.ask("sandun.dispatcher.1", DispatchWaiting(limit=100))
    assert len(counted) < 25
    assert {(m.case_id, m.worker) for m in done.matched} == {(m.case_id, m.worker) for m in planned.matched}
    assert {m.version for m in done.matched} == {2}
    loads = desk.rows("SELECT worker, open FROM dispatch.loads ORDER BY worker")
    assert [(row.worker, row.open) for row in loads] == [(f"sandun.sweep.{n}", 2) for n in range(1, 9)]
    assert [case.report_id for case in desk.cases() if case.stage is Stage.FILED] == ["odd"]
    told = desk.ask("sandun.supervisor.1", TellCase(subject=done.matched[0].case_id)).happenings[-1]
    assert (told.what, told.who, told.detail["followed"]) == ("dispatch", "sandun.dispatcher.1", "yes")
    desk.database.close()


def test_only_what_waits_is_shared_out_and_only_by_a_dispatcher(desk: Desk) -> None:
    desk.file(triaged("r1"))
    case = desk.case()
    answer = desk.ask("sandun.dispatcher.1", DispatchWaiting(cases=(case.case_id,)))
    assert (answer.matched, answer.left[0].why) == ((), "the case is offered, it does not wait")
    assert desk.case() == case
    with pytest.raises(NotFound):
        desk.ask("sandun.dispatcher.1", DispatchWaiting(cases=("no-such-case",)))
    for who in ("sandun.sweep.1", "beishan.dispatcher.1"):
        with pytest.raises(Forbidden):
            desk.ask(who, MatchWaiting())


BURST = "x-xihu:em:00001"  # by Xihu's run card: water leads, the traffic police support


def test_who_goes_along_by_the_run_card_is_asked_with_the_lead(desk: Desk) -> None:
    desk.file(triaged("r1", matter=BURST), triaged("r2"))
    plain, case = sorted(desk.cases(), key=lambda one: len(one.supports))
    assert (plain.version, plain.supports) == (1, ())
    [support] = case.supports
    assert (case.stage, case.unit, case.version) == (Stage.OFFERED, "sandun/water", 2)
    assert (support.unit, support.state, support.due_at) == ("sandun/traffic", "asked", case.due_at)
    about = [(t, m["type"]) for t, m in desk.said() if m["data"]["case"]["case_id"] == case.case_id]
    assert about == [
        ("sandun", "case.filed.v1"),
        ("sandun", "case.support.asked.v1"),
        ("traffic-police", "support.asked.v1"),
    ]
    filed, asked = desk.ask("sandun.supervisor.1", TellCase(subject=case.case_id)).happenings
    assert (filed.detail["card"], asked.what, asked.who) == ("burst-main", "open-support", "system")
    assert (asked.detail["worker"], asked.detail["task"]) == (support.worker, support.task_id)
    assert "run card “burst-main”" in asked.detail["why"]
    assert "under mandate" in asked.detail["why"]
    assert {row.worker: row.open for row in desk.rows("SELECT * FROM dispatch.loads")} == {
        case.worker: 1,
        support.worker: 1,
        plain.worker: 1,
    }
    assert case in desk.ask(support.worker or "", ListWork()).cases


def test_one_click_sends_lead_and_support_and_a_second_nobody_twice(url: str) -> None:
    desk = Desk.open(url, district=sandun(choose="recommend"))
    desk.file(triaged("r1", matter=BURST))
    case_id = desk.case().case_id
    assert desk.case().supports == ()
    shown = desk.ask("sandun.dispatcher.1", RecommendUnits(case_id=case_id)).crew
    assert [(one.role, one.task_id) for one in shown] == [("lead", None), ("support", None)]
    case = desk.ask("sandun.dispatcher.1", DispatchCase(case_id=case_id)).case
    assert (case.worker, [support.worker for support in case.supports]) == (
        shown[0].worker,
        [shown[1].worker],
    )
    assert case == desk.case()
    told = desk.ask("sandun.supervisor.1", TellCase(subject=case_id)).happenings
    assert [(one.what, one.who) for one in told] == [
        ("file", "system"),
        ("dispatch", "sandun.dispatcher.1"),
        ("open-support", "system"),
    ]
    shown = desk.ask("sandun.dispatcher.1", RecommendUnits(case_id=case_id)).crew
    assert [one.task_id for one in shown] == [None, case.supports[0].task_id]
    again = desk.ask("sandun.dispatcher.1", DispatchCase(case_id=case_id)).case
    assert (again.counters.offers, again.supports) == (2, case.supports)
    # who names a unit decides alone who goes
    desk.file(triaged("r2", matter=BURST))
    other = next(one.case_id for one in desk.cases() if one.case_id != case_id)
    by_hand = DispatchCase(case_id=other, unit="sandun/water")
    assert desk.ask("sandun.dispatcher.1", by_hand).case.supports == ()
    # and what waits is sent with its support, too, when all of it is shared out
    desk.file(triaged("r3", matter=BURST), triaged("r4", matter=BURST))
    matched = desk.ask("sandun.dispatcher.1", DispatchWaiting()).matched
    sent = {one.case_id: one for one in desk.cases() if one.report_id in ("r3", "r4")}
    assert {one.case_id: one.version for one in matched} == {id: one.version for id, one in sent.items()}
    assert len({one.supports[0].worker for one in sent.values()}) == 2
    desk.database.close()


def test_what_the_towns_process_does_not_let_a_card_ask_is_left_to_a_person(url: str) -> None:
    """Filing goes on: a step that the town has made harder keeps nobody from being asked to lead."""
    district = sandun()
    step = StepModel(guards=["evidence-given"])
    changed = replace(district.parts["sandun"], workflow=build(WorkflowModel(steps={"open-support": step})))
    desk = Desk.open(url, district=replace(district, parts={**district.parts, "sandun": changed}))
    desk.file(triaged("r1", matter=BURST))
    case = desk.case()
    assert (case.stage, case.supports) == (Stage.OFFERED, ())
    [filed] = desk.ask("sandun.supervisor.1", TellCase(subject=case.case_id)).happenings
    assert "lacks something" in filed.detail["not_asked"]
    desk.database.close()


def test_a_case_without_a_card_pays_nothing_for_those_with_one(url: str) -> None:
    """As many statements for a batch as where there are no cards at all; another, but fixed, number with one."""
    counted: list[str] = []
    here = Desk.open(url)
    bare = Desk.on(here, replace(xihu(), parts={**xihu().parts, "sandun": _without_cards()}))
    event.listen(here.database.engine, "before_cursor_execute", lambda *a: counted.append(a[2]))

    def cost(desk: Desk, *reports: object) -> int:
        counted.clear()
        desk.file(*reports)
        return len(counted)

    for desk in (here, bare):  # each reads its mandates once
        cost(desk, triaged(f"warm-up of {desk is here}"))
    assert cost(here, triaged("r1")) == cost(bare, triaged("r2")) == cost(here, triaged("r3"), triaged("r4"))
    one = cost(here, triaged("b1", matter=BURST))
    assert one > cost(bare, triaged("b2", matter=BURST))
    here.database.close()


def _without_cards() -> object:
    parts = xihu().parts["sandun"]
    return replace(parts, dispatch=replace(parts.dispatch, cards=()))
