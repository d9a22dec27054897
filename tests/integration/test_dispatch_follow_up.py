"""Rectifications (整改) and cases reopened (重开) on a real database."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from dispatch_desk import CELL, Desk, build_dispatch, told, triaged

from qipan.contracts.case import Stage
from qipan.contracts.commands import AcceptTask, CloseCase, DispatchCase, DisposeTask, InspectCase
from qipan.contracts.errors import Forbidden, Invalid
from qipan.contracts.events import ReportRated, ReportReopened
from qipan.contracts.follow_up import AnswerRectification, CloseRectification, ListRectifications
from qipan.contracts.followed_up import Rectification
from qipan.contracts.queries import ListWork, TellCase
from qipan.storage import timers
from qipan.testing import Databases
from services.dispatch.audit import verify
from services.dispatch.rectification import RECTIFICATION_DUE

LEADER = "sandun.shift-leader.1"


def close(desk: Desk) -> None:
    """Take the one case from the offer to its end."""
    case = desk.case()
    worker = case.worker or ""
    desk.ask(worker, AcceptTask(case_id=case.case_id))
    desk.ask(worker, DisposeTask(case_id=case.case_id, evidence=("photo:1",)))
    inspector = next(p.id for p in desk.process.district.people if CELL in p.cells)
    desk.ask(inspector, InspectCase(case_id=case.case_id, passed=True))
    desk.ask(LEADER, CloseCase(case_id=case.case_id))


def build_closed(url: str) -> None:
    build_dispatch(url)
    desk = Desk.open(url)
    desk.file(triaged("r1"))
    close(desk)
    desk.database.close()


@pytest.fixture
def desk(database_url: Databases) -> Iterator[Desk]:
    desk = Desk.open(database_url(build_closed))
    yield desk
    desk.database.close()


def rate(desk: Desk, rating: int) -> None:
    rated = ReportRated(
        report_id="r1",
        case_id=desk.case().case_id,
        rating=rating,
        note="",
        rated_at=desk.clock.now("sandun"),
    )
    with desk.database.begin() as work:
        desk.service.rate_cases(work, [told(rated)])


def reopen(desk: Desk, closed_at: datetime | None) -> None:
    now = desk.clock.now("sandun")
    event = ReportReopened(
        report_id="r1",
        case_id=desk.case().case_id,
        reason="又堆满了",
        closed_at=closed_at or now,
        reopened_at=now,
    )
    with desk.database.begin() as work:
        desk.service.reopen_cases(work, [told(event)])


def rectified(desk: Desk) -> Rectification:
    follow_up = desk.case().follow_up
    assert follow_up is not None
    assert follow_up.rectification is not None
    return follow_up.rectification


def pass_time(desk: Desk, time: timedelta) -> int:
    desk.clock.advance(time)
    with desk.database.begin() as work:
        due = timers.take_due(work.conn, "dispatch", RECTIFICATION_DUE, desk.clock.now("sandun"))
        if due:
            desk.service.rectification_due(work, due)
        return len(due)


def heard(desk: Desk) -> list[str]:
    return [message["type"] for _, message in desk.said()][5:]


def test_a_poor_rating_is_put_right_and_the_case_stays_closed(desk: Desk) -> None:
    worker = desk.case().worker or ""
    rate(desk, 2)
    assert (rectified(desk).status, rectified(desk).worker, rectified(desk).rating) == ("open", worker, 2)
    [mine] = desk.ask(worker, ListRectifications()).cases
    assert mine.case_id == desk.case().case_id
    assert desk.ask("sandun.order.1", ListRectifications()).cases == ()
    with pytest.raises(Forbidden):
        desk.ask("beishan.shift-leader.1", ListRectifications(), tenant="sandun")
    case_id = mine.case_id
    with pytest.raises(Invalid, match="lacks"):
        desk.ask(LEADER, CloseRectification(case_id=case_id))
    answer = AnswerRectification(case_id=case_id, answer="已重新清扫", evidence=("photo:2",))
    desk.ask(worker, answer)
    assert [c.case_id for c in desk.ask(LEADER, ListRectifications(status="answered")).cases] == [case_id]
    with pytest.raises(Invalid) as refused:
        desk.ask(LEADER, CloseRectification(case_id=case_id, accepted=False))
    assert refused.value.faults[0].where == "reason"
    desk.ask(LEADER, CloseRectification(case_id=case_id, accepted=False, note="照片不清"))
    assert rectified(desk).status == "open"
    desk.ask(worker, answer)
    desk.ask(LEADER, CloseRectification(case_id=case_id))
    assert (rectified(desk).status, desk.case().stage) == ("closed", Stage.CLOSED)
    assert desk.ask(LEADER, ListRectifications()).cases == ()
    assert desk.rows("SELECT * FROM dispatch.timers") == []
    assert heard(desk) == [
        "case.rated.v1",
        "rectification.opened.v1",
        "rectification.answered.v1",
        "rectification.refused.v1",
        "rectification.answered.v1",
        "rectification.closed.v1",
    ]
    told_of = desk.ask("sandun.supervisor.1", TellCase(subject=case_id)).happenings
    assert told_of[-1].authority == "shift-leader@sandun"
    assert [verdict.broken for verdict in verify(desk.database.engine)] == [None]


def test_a_good_rating_opens_nothing(desk: Desk) -> None:
    rate(desk, 3)
    assert desk.case().follow_up is None
    assert heard(desk) == ["case.rated.v1"]


def test_a_rectification_that_is_not_answered_is_told_once(desk: Desk) -> None:
    rate(desk, 1)
    assert pass_time(desk, timedelta(hours=2)) == 0
    assert pass_time(desk, timedelta(days=10)) == 1
    assert pass_time(desk, timedelta(days=10)) == 0
    assert rectified(desk).overdue_at is not None
    assert heard(desk)[-1] == "rectification.overdue.v1"


def test_a_reopened_case_is_the_dispatchers_once(desk: Desk) -> None:
    before = desk.case()
    desk.clock.advance(timedelta(days=2))
    rate(desk, 1)
    for _ in range(2):
        reopen(desk, before.closed_at)
    case = desk.case()
    assert (case.stage, case.worker, case.closed_at, case.rating) == (Stage.FILED, None, None, None)
    assert (case.reason, case.counters.reopened) == ("又堆满了", 1)
    assert case.dispose_due_at is not None
    assert case.dispose_due_at > desk.clock.now("sandun")
    [waiting] = desk.ask("sandun.dispatcher.1", ListWork()).cases
    assert waiting.case_id == case.case_id
    assert heard(desk).count("case.reopened.v1") == 1
    # its rectification goes on beside it
    answer = AnswerRectification(case_id=case.case_id, answer="已重新清扫", evidence=("photo:2",))
    desk.ask(before.worker or "", answer)
    desk.ask(LEADER, CloseRectification(case_id=case.case_id))
    desk.ask("sandun.dispatcher.1", DispatchCase(case_id=case.case_id, unit="sandun/sweep"))
    close(desk)
    reopen(desk, before.closed_at)  # told of the first closure once more
    assert (desk.case().stage, desk.case().counters.reopened) == (Stage.CLOSED, 1)
    rate(desk, 1)
    assert rectified(desk).number == 2
    assert [verdict.broken for verdict in verify(desk.database.engine)] == [None]
