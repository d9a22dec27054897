"""Rectifications (整改) and cases reopened (重开) on a real database."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import case_samples
import pytest
from dispatch_desk import CELL, Desk, build_dispatch, told, triaged, xihu

from qipan.contracts.case import Stage
from qipan.contracts.commands import AcceptTask, CloseCase, DispatchCase, DisposeTask, InspectCase
from qipan.contracts.comments import CaseCommented
from qipan.contracts.errors import Conflict, Forbidden, Invalid
from qipan.contracts.events import ReportCommented, ReportRated, ReportReopened
from qipan.contracts.follow_up import AnswerRectification, CallBack, CloseRectification, ListRectifications
from qipan.contracts.followed_up import Rectification
from qipan.contracts.queries import ListWork, TellCase
from qipan.storage import timers
from qipan.tenancy import District
from qipan.testing import Databases
from services.analytics.facts import CaseFacts
from services.dispatch.audit import verify
from services.dispatch.grounds import Grounds
from services.dispatch.process import STANDARD
from services.dispatch.rectification import RECTIFICATION_DUE
from services.dispatch.steps import Actor

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


def to_inspect(desk: Desk) -> str:
    """Take the one case to its inspection; returns who may inspect it."""
    case = desk.case()
    worker = case.worker or ""
    if case.stage is Stage.OFFERED:
        desk.ask(worker, AcceptTask(case_id=case.case_id))
    desk.ask(worker, DisposeTask(case_id=case.case_id, evidence=("photo:1",)))
    return next(p.id for p in desk.process.district.people if CELL in p.cells)


def town(**settings: bool | int | str) -> District:
    """The district, with settings of Sandun's."""
    parts = dict(xihu().parts)
    own = {f"dispatch.{name.replace('_', '-')}": value for name, value in settings.items()}
    parts["sandun"] = replace(parts["sandun"], settings={**parts["sandun"].settings, **own})
    return replace(xihu(), parts=parts)


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
    page = desk.ask(worker, ListRectifications(limit=1))
    assert page.cases == (mine,)
    assert desk.ask(worker, ListRectifications(limit=1, after=page.next)).cases == ()
    assert desk.ask("sandun.order.1", ListRectifications()).cases == ()
    with pytest.raises(Forbidden):
        desk.ask("beishan.shift-leader.1", ListRectifications(), tenant="sandun")
    case_id = mine.case_id
    with pytest.raises(Conflict, match="as it is now"):
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
    follow_up = desk.case().follow_up
    assert follow_up is not None
    assert follow_up.rectification is None
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


def test_a_rating_that_comes_after_the_case_was_taken_up_again_is_no_dead_letter(desk: Desk) -> None:
    reopen(desk, desk.case().closed_at)
    version = desk.case().version
    rate(desk, 2)
    assert (desk.case().version, desk.case().rating) == (version, None)


def test_an_inspection_shows_what_was_seen_where_the_town_requires_it(database_url: Databases) -> None:
    desk = Desk.open(database_url(build_dispatch), district=town(inspect_evidence="required"))
    desk.file(triaged("r1"))
    inspector = to_inspect(desk)
    look = InspectCase(case_id=desk.case().case_id, passed=True)
    with pytest.raises(Invalid) as refused:
        desk.ask(inspector, look)
    assert refused.value.faults[0].where == "evidence"
    desk.ask(inspector, look.model_copy(update={"evidence": ("photo:after",)}))
    follow_up = desk.case().follow_up
    assert follow_up is not None
    assert follow_up.inspection is not None
    assert (follow_up.inspection.by, follow_up.inspection.passed) == (inspector, True)
    assert (follow_up.inspection.evidence, follow_up.inspection.disposal) == (("photo:after",), ("photo:1",))
    desk.database.close()


def test_nobody_of_the_unit_inspects_where_the_town_says_so() -> None:
    case = case_samples.case(stage=Stage.DISPOSED, worker="sandun.sweep.1")
    mate = Actor("sandun.sweep.2", frozenset({"grid-worker"}), "sandun", frozenset({"sandun/sweep"}))
    strict = Grounds(town(inspect_other_unit=True)).of("sandun").process
    with pytest.raises(Forbidden, match="not of sandun/sweep"):
        strict.check(case, "pass", mate)
    assert strict.check(case, "pass", replace(mate, units=frozenset({"sandun/order"})))
    assert STANDARD.check(case, "pass", mate)


def test_a_case_reworked_too_often_is_the_dispatchers(database_url: Databases) -> None:
    desk = Desk.open(database_url(build_dispatch), district=town(most_reworks=2))
    desk.file(triaged("r1"))
    for expected in (Stage.REWORK, Stage.FILED):
        inspector = to_inspect(desk)
        desk.ask(inspector, InspectCase(case_id=desk.case().case_id, passed=False, note="还有垃圾"))
        assert desk.case().stage is expected
    case = desk.case()
    assert (case.worker, case.task_id, case.reason, case.counters.reworks) == (None, None, "还有垃圾", 2)
    [waiting] = desk.ask("sandun.dispatcher.1", ListWork()).cases
    assert waiting.case_id == case.case_id
    assert [row.status for row in desk.rows("SELECT status FROM dispatch.tasks")] == ["withdrawn"]
    assert [row.open for row in desk.rows("SELECT open FROM dispatch.loads")] == [0]
    desk.database.close()


def test_a_callback_is_made_once_reached_and_its_answers_are_needed(desk: Desk) -> None:
    case_id = desk.case().case_id
    with pytest.raises(Forbidden):
        desk.ask("sandun.dispatcher.1", CallBack(case_id=case_id, contacted=False))
    desk.ask("sandun.acceptor.1", CallBack(case_id=case_id, contacted=False, note="无人接听"))
    with pytest.raises(Invalid) as refused:
        desk.ask("sandun.acceptor.1", CallBack(case_id=case_id, contacted=True, resolved=True))
    assert refused.value.faults[0].where == "resolved, satisfied"
    reached = CallBack(case_id=case_id, contacted=True, resolved=True, satisfied=False)
    desk.ask("sandun.acceptor.1", reached)
    follow_up = desk.case().follow_up
    assert follow_up is not None
    called = follow_up.callback
    assert called is not None
    assert (called.attempts, called.contacted, called.in_time, called.resolved, called.satisfied) == (
        2,
        True,
        True,
        True,
        False,
    )
    counted = {moment.counter: count for moment, count in CaseFacts.of(desk.case()).moments().items()}
    assert (counted["contacted"], counted["contacted_on_time"], counted["resolved"]) == (1, 1, 1)
    assert "content" not in counted


def test_a_callback_after_the_limit_is_late(desk: Desk) -> None:
    desk.clock.advance(timedelta(days=5))
    reached = CallBack(case_id=desk.case().case_id, contacted=True, resolved=True, satisfied=True)
    desk.ask(LEADER, reached)
    counted = {moment.counter for moment in CaseFacts.of(desk.case()).moments()}
    assert "contacted" in counted
    assert "contacted_on_time" not in counted


def test_a_comment_is_told_of_the_case_without_its_words(desk: Desk) -> None:
    """Also one of a report whose case intake has not heard of yet; one without a case is told to nobody here."""
    case_id = desk.case().case_id
    comments = [
        ReportCommented(
            report_id=report_id,
            comment_id=f"c{number}",
            case_id=case,
            text="我是王伟，又堆满了",
            commented_at=desk.clock.now("sandun"),
        )
        for number, (report_id, case) in enumerate(
            (("joined", case_id), ("r1", None), ("held", None), ("r1", "elsewhere"))
        )
    ]
    before = len(desk.said())
    with desk.database.begin() as work:
        desk.service.pass_comments_on(work, [told(comment) for comment in comments])
    found = [message for _, message in desk.said()[before:]]
    assert [(m["type"], m["subject"], m["data"]["comment_id"]) for m in found] == [
        (CaseCommented.type, case_id, "c0"),
        (CaseCommented.type, case_id, "c1"),
    ]
    assert "王伟" not in str(found)
    assert desk.case().version == CaseCommented(**found[0]["data"]).case.version
