"""The log of a case on a real database: instructed, acknowledged, backed up, seen by every party, never changed."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from dispatch_desk import Desk, build_dispatch, triaged

from qipan.contracts.commands import AcceptTask, VoidCase
from qipan.contracts.errors import Forbidden, IllegalTransition, Invalid, NotFound
from qipan.contracts.fieldlog import (
    AcknowledgeInstruction,
    AddRemark,
    AnswerBackup,
    CallBackup,
    GetLog,
    GiveInstruction,
    ListBackup,
)
from qipan.contracts.joint import OpenSupport
from qipan.contracts.whistle import BlowWhistle, EndWhistle
from qipan.testing import Databases

DISPATCHER = "sandun.dispatcher.1"


@pytest.fixture
def desk(database_url: Databases) -> Iterator[Desk]:
    desk = Desk.open(database_url(build_dispatch))
    desk.file(triaged("r1"))
    yield desk
    desk.database.close()


def told(desk: Desk) -> list[tuple[str, dict]]:
    kinds = ("instruction", "backup")
    return [(m["type"], m["data"]["to"]) for _, m in desk.said() if m["type"].startswith(kinds)]


def test_an_instruction_is_acknowledged_by_whom_it_is_for_once(desk: Desk) -> None:
    case = desk.case()
    given = desk.ask(DISPATCHER, GiveInstruction(case_id=case.case_id, text="先设警戒"))
    assert (given.worker, given.unit) == (case.worker, case.unit)
    understood = AcknowledgeInstruction(case_id=case.case_id, entry_id=given.entry_id, text="收到")
    other = next(f"sandun.sweep.{n}" for n in (1, 2) if f"sandun.sweep.{n}" != case.worker)
    with pytest.raises(Forbidden, match="acknowledges"):
        desk.ask(other, understood)
    first = desk.ask(case.worker or "", understood)
    assert desk.ask(case.worker or "", understood) == first
    entries = desk.ask("sandun.supervisor.1", GetLog(case_id=case.case_id)).entries
    assert [(entry.kind, entry.about) for entry in entries] == [
        ("instruction", None),
        ("acknowledged", given.entry_id),
    ]
    assert [(type, to["workers"]) for type, to in told(desk)] == [
        ("instruction.given.v1", [case.worker]),
        ("instruction.acknowledged.v1", [DISPATCHER]),
    ]


def test_a_unit_is_instructed_as_a_whole_and_one_of_it_answers(desk: Desk) -> None:
    case_id = desk.case().case_id
    given = desk.ask(DISPATCHER, GiveInstruction(case_id=case_id, text="备勤", unit="sandun/sweep"))
    understood = AcknowledgeInstruction(case_id=case_id, entry_id=given.entry_id)

    def acknowledge(number: int) -> str:
        return desk.ask(f"sandun.sweep.{number}", understood).by

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(acknowledge, range(1, 5)))) == 1


def test_a_call_for_back_up_waits_on_the_dispatchers_list_until_it_is_answered(desk: Desk) -> None:
    case = desk.case()
    worker = case.worker or ""
    desk.ask(worker, AcceptTask(case_id=case.case_id))
    called = desk.ask(worker, CallBackup(case_id=case.case_id, text="围观者众", workers=3))
    assert desk.ask(DISPATCHER, ListBackup()).entries == (called,)
    answer = AnswerBackup(case_id=case.case_id, entry_id=called.entry_id, text="第二组五分钟到")
    first = desk.ask(DISPATCHER, answer)
    assert desk.ask("sandun.dispatcher.2", answer) == first
    assert desk.ask(DISPATCHER, ListBackup()).entries == ()
    assert [(type, to["workers"]) for type, to in told(desk)] == [
        ("backup.called.v1", []),
        ("backup.answered.v1", [worker]),
    ]
    with pytest.raises(Forbidden, match="back-up"):
        desk.ask(
            next(f"sandun.sweep.{n}" for n in (1, 2) if f"sandun.sweep.{n}" != worker),
            CallBackup(case_id=case.case_id, text="x"),
        )


def test_calls_about_cases_that_are_over_leave_the_list_which_has_pages(desk: Desk) -> None:
    desk.file(triaged("r2"), triaged("r3"), triaged("r4"))
    called = []
    for case in sorted(desk.cases(), key=lambda case: case.report_id):
        desk.ask(case.worker or "", AcceptTask(case_id=case.case_id))
        called.append(desk.ask(case.worker or "", CallBackup(case_id=case.case_id, text="x")))
    desk.ask("sandun.shift-leader.1", VoidCase(case_id=called[0].case_id, reason="误报"))
    pages, after = [], None
    while after is not None or not pages:
        page = desk.ask(DISPATCHER, ListBackup(limit=2, after=after))
        pages.append(page.entries)
        after = page.next
    assert pages == [tuple(called[1:3]), (called[3],)]
    with pytest.raises(Invalid, match="go on"):
        desk.ask(DISPATCHER, ListBackup(after="x"))


def test_every_party_sees_the_log_and_no_one_else(desk: Desk) -> None:
    case_id = desk.case().case_id
    desk.ask(DISPATCHER, AddRemark(case_id=case_id, text="注意安全"))
    with pytest.raises(Forbidden):
        desk.ask("sandun.water.1", GetLog(case_id=case_id))
    asked = BlowWhistle(case_id=case_id, departments=("water", "traffic-police"), reason="积水")
    whistle = desk.ask(DISPATCHER, asked)
    assert len(desk.ask("sandun.water.1", GetLog(case_id=case_id)).entries) == 1
    desk.ask("sandun.water.1", AddRemark(case_id=case_id, text="泵车已到"))
    assert len(desk.ask("traffic-police.dispatcher.1", GetLog(case_id=case_id)).entries) == 2
    with pytest.raises(Forbidden):
        desk.ask("sandun.police.1", GetLog(case_id=case_id))
    desk.ask(DISPATCHER, EndWhistle(whistle_id=whistle.whistle_id, outcome="完"))
    with pytest.raises(Forbidden):
        desk.ask("sandun.water.1", GetLog(case_id=case_id))
    with pytest.raises(NotFound):
        desk.ask("beishan.dispatcher.1", GetLog(case_id=case_id), tenant="beishan")


def test_whoever_is_told_something_or_supports_the_case_is_a_party_to_it(desk: Desk) -> None:
    case_id = desk.case().case_id
    given = desk.ask(DISPATCHER, GiveInstruction(case_id=case_id, text="封路", worker="sandun.water.1"))
    understood = AcknowledgeInstruction(case_id=case_id, entry_id=given.entry_id)
    for stranger in ("sandun.water.2", "sandun.works.1"):
        for call in (understood, GetLog(case_id=case_id)):
            with pytest.raises(Forbidden):
                desk.ask(stranger, call)
    assert desk.ask("sandun.water.1", understood).by == "sandun.water.1"
    desk.ask("sandun.water.1", AddRemark(case_id=case_id, text="已封"))
    assert len(desk.ask("sandun.water.1", GetLog(case_id=case_id)).entries) == 3

    desk.ask(DISPATCHER, OpenSupport(case_id=case_id, unit="sandun/works", reason="破路"))
    told_unit = desk.ask(DISPATCHER, GiveInstruction(case_id=case_id, text="备料", unit="sandun/works"))
    answer = AcknowledgeInstruction(case_id=case_id, entry_id=told_unit.entry_id)
    assert desk.ask("sandun.works.1", answer).about == told_unit.entry_id
    desk.ask("sandun.works.2", AddRemark(case_id=case_id, text="料已齐"))


def test_what_cannot_be_said_is_refused_with_what_could(desk: Desk) -> None:
    case = desk.case()
    wrong = [
        (GiveInstruction(case_id=case.case_id, text="x", worker="beishan.sweep.1"), "worker"),
        (
            GiveInstruction(case_id=case.case_id, text="x", worker="sandun.water.1", unit="sandun/sweep"),
            "worker",
        ),
        (GiveInstruction(case_id=case.case_id, text="x", unit="beishan/sweep"), "unit"),
        (AnswerBackup(case_id=case.case_id, entry_id="none", text="x"), "entry_id"),
    ]
    for asked, where in wrong:
        with pytest.raises(Invalid) as refused:
            desk.ask(DISPATCHER, asked)
        assert refused.value.faults[0].where == where
        assert refused.value.faults[0].allowed
    with pytest.raises(Forbidden):
        desk.ask(case.worker or "", GiveInstruction(case_id=case.case_id, text="x"))
    desk.ask("sandun.shift-leader.1", VoidCase(case_id=case.case_id, reason="误报"))
    with pytest.raises(IllegalTransition, match="closed"):
        desk.ask(DISPATCHER, AddRemark(case_id=case.case_id, text="x"))
