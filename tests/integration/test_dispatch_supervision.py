"""督办, 催办 and remarks on a real database."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from dispatch_desk import Desk, build_dispatch, triaged

from qipan.contracts.commands import AcceptTask, VoidCase
from qipan.contracts.errors import Conflict, Forbidden, IllegalTransition, Invalid
from qipan.contracts.queries import ListWork, TellCase
from qipan.contracts.supervised import Level, Supervision
from qipan.contracts.supervision import AnswerSupervision, ExpediteCase, RemarkCase, SuperviseCase
from qipan.storage import timers
from qipan.testing import Databases
from services.dispatch.supervision import SUPERVISION_DUE

SUPERVISOR, LEAD = "sandun.supervisor.1", "sandun.town-lead.1"


def build_filed(url: str) -> None:
    build_dispatch(url)
    desk = Desk.open(url)
    desk.file(triaged("r1"))
    desk.database.close()


@pytest.fixture
def desk(database_url: Databases) -> Iterator[Desk]:
    desk = Desk.open(database_url(build_filed))
    yield desk
    desk.database.close()


def watched(desk: Desk) -> Supervision:
    return desk.case().supervision or Supervision()


def pass_time(desk: Desk, time: timedelta) -> int:
    """Fire what came due of supervision; returns how many timers fired."""
    desk.clock.advance(time)
    with desk.database.begin() as work:
        due = timers.take_due(work.conn, "dispatch", SUPERVISION_DUE, desk.clock.now("sandun"))
        if due:
            desk.service.supervision_due(work, due)
        return len(due)


def heard(desk: Desk) -> list[str]:
    return [message["type"] for _, message in desk.said()]


def test_a_case_is_supervised_until_it_is_answered(desk: Desk) -> None:
    case = desk.case()
    desk.ask(SUPERVISOR, SuperviseCase(case_id=case.case_id, reason="媒体曝光", answer_within="30 minutes"))
    assert (watched(desk).open, watched(desk).level, watched(desk).count) == (True, Level.TOWN, 1)
    assert watched(desk).answer_due_at == desk.clock.now("sandun") + timedelta(minutes=30)
    assert (desk.case().stage, desk.case().due_at) == (case.stage, case.due_at)
    [mine] = desk.ask(case.worker or "", ListWork()).cases
    assert mine.supervision == watched(desk)
    desk.ask(case.worker or "", AnswerSupervision(case_id=case.case_id, answer="正在清理"))
    assert (watched(desk).open, watched(desk).answer) == (False, "正在清理")
    assert pass_time(desk, timedelta(days=1)) == 0
    with pytest.raises(Conflict, match="as it is now") as refused:
        desk.ask(case.worker or "", AnswerSupervision(case_id=case.case_id, answer="还在清理"))
    assert refused.value.faults[0].what == "no supervision waits for an answer"
    assert heard(desk) == ["case.filed.v1", "case.supervised.v1", "supervision.answered.v1"]
    told = desk.ask(SUPERVISOR, TellCase(subject=case.case_id)).happenings
    assert [h.authority for h in told] == ["system", "supervisor@sandun", "handler@sandun"]
    assert told[1].detail["reason"] == "媒体曝光"


def test_an_answer_that_does_not_come_is_told_once(desk: Desk) -> None:
    case_id = desk.case().case_id
    desk.ask(SUPERVISOR, SuperviseCase(case_id=case_id, reason="久拖不决", answer_within="1 hour"))
    assert pass_time(desk, timedelta(minutes=59)) == 0
    assert pass_time(desk, timedelta(minutes=1)) == 1
    assert pass_time(desk, timedelta(days=1)) == 0
    assert (watched(desk).overdue, watched(desk).open) == (1, True)
    assert heard(desk)[-1] == "supervision.overdue.v1"


def test_without_a_limit_the_towns_own_holds(desk: Desk) -> None:
    desk.ask(LEAD, SuperviseCase(case_id=desk.case().case_id, reason="重点区域"))
    # one working day after Monday noon
    due = watched(desk).answer_due_at
    assert due is not None
    assert timedelta(hours=4) < due - desk.clock.now("sandun") < timedelta(days=2)


def test_only_a_higher_level_takes_over(desk: Desk) -> None:
    case_id = desk.case().case_id
    desk.ask(SUPERVISOR, SuperviseCase(case_id=case_id, reason="a"))
    with pytest.raises(Conflict) as refused:
        desk.ask(LEAD, SuperviseCase(case_id=case_id, reason="b"))
    assert "expedite it" in (refused.value.faults[0].allowed or "")
    desk.ask("xihu.supervisor.1", SuperviseCase(case_id=case_id, reason="c"))
    assert (watched(desk).level, watched(desk).count, watched(desk).by) == (
        Level.DISTRICT,
        2,
        "xihu.supervisor.1",
    )
    assert len(desk.rows("SELECT * FROM dispatch.timers WHERE kind = 'supervision.due'")) == 1


def test_the_timer_of_a_case_that_was_voided_says_nothing(desk: Desk) -> None:
    case_id = desk.case().case_id
    desk.ask(SUPERVISOR, SuperviseCase(case_id=case_id, reason="a", answer_within="1 hour"))
    desk.ask("sandun.shift-leader.1", VoidCase(case_id=case_id, reason="误报"))
    assert pass_time(desk, timedelta(hours=2)) == 1
    assert (watched(desk).overdue, heard(desk)[-1]) == (0, "case.voided.v1")


def test_expediting_is_counted_and_remarks_stay_in_the_history(desk: Desk) -> None:
    case_id = desk.case().case_id
    desk.ask("sandun.acceptor.1", ExpediteCase(case_id=case_id, note="市民来电"))
    desk.ask(SUPERVISOR, ExpediteCase(case_id=case_id))
    assert (watched(desk).expedited, watched(desk).expedited_at) == (2, desk.clock.now("sandun"))
    desk.ask("sandun.shift-leader.1", VoidCase(case_id=case_id, reason="误报"))
    with pytest.raises(IllegalTransition):
        desk.ask(SUPERVISOR, ExpediteCase(case_id=case_id))
    desk.ask(SUPERVISOR, RemarkCase(case_id=case_id, remark="作废理由不充分"))
    assert watched(desk).remarks == 1
    told = desk.ask(SUPERVISOR, TellCase(subject=case_id)).happenings
    assert (told[-1].what, told[-1].detail["remark"]) == ("remark", "作废理由不充分")


def test_whoever_has_no_right_and_what_is_no_limit_is_refused(desk: Desk) -> None:
    case = desk.case()
    for who in (case.worker or "", "beishan.supervisor.1", "sandun.dispatcher.1"):
        with pytest.raises(Forbidden):
            desk.ask(who, SuperviseCase(case_id=case.case_id, reason="a"))
    with pytest.raises(Invalid) as refused:
        desk.ask(SUPERVISOR, SuperviseCase(case_id=case.case_id, reason="a", answer_within="soon"))
    assert refused.value.faults[0].where == "answer_within"
    assert desk.case().version == 1
    desk.ask(case.worker or "", AcceptTask(case_id=case.case_id))
