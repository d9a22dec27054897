"""Notify on a real database: told once, read by nobody else, listed in pages."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from case_samples import EVENT_OF, MORNING, case
from projection_desk import Projection, build_notify, notify, told

from qipan.contracts import events
from qipan.contracts.case import Stage
from qipan.contracts.commands import MarkRead
from qipan.contracts.errors import Forbidden, Invalid, NotFound
from qipan.contracts.modes import ModeState, ModeSwitched
from qipan.contracts.queries import Happenings, ListMessages, Messages, TellMessages
from qipan.contracts.verifications import VerificationAsked
from qipan.tenancy import TestClock
from qipan.testing import Databases

ANSWERS = {ListMessages: "list_messages", MarkRead: "mark_read", TellMessages: "tell_messages"}
WORKER = "sandun.sweep.1"


@pytest.fixture
def desk(database_url: Databases) -> Iterator[Projection]:
    desk = notify(database_url(build_notify), TestClock(MORNING), ANSWERS)
    yield desk
    desk.database.close()


def offered(case_id: str = "c-1", **changes: object) -> events.CaseFiled:
    return events.CaseFiled(case=case(case_id, **changes))


def messages(desk: Projection, sub: str = WORKER, **query: object) -> Messages:
    return desk.ask(sub, ListMessages(**query))


def test_an_offered_task_is_in_the_handlers_inbox(desk: Projection) -> None:
    desk.hear(told(offered()))
    [message] = messages(desk).messages
    assert message.case_id == "c-1"
    assert message.at == MORNING
    assert not message.read
    assert "rubbish" not in message.title + message.body


def test_the_same_event_told_again_changes_nothing(desk: Projection) -> None:
    first = told(offered())
    desk.hear(first)
    desk.hear(first, first)
    assert len(messages(desk).messages) == 1


def test_most_steps_are_told_to_one_person_or_nobody(desk: Projection) -> None:
    for stage, rows in ((Stage.ACCEPTED, 0), (Stage.DISPOSED, 1), (Stage.INSPECTED, 1), (Stage.CLOSED, 1)):
        desk.hear(told(EVENT_OF[stage](case=case(stage=stage))))
        assert len(desk.rows("SELECT 1 FROM notify.messages")) == rows
    assert desk.rows("SELECT 1 FROM notify.deliveries") == []


def test_messages_come_newest_first_in_pages(desk: Projection) -> None:
    for number in range(7):
        desk.hear(told(offered(f"c-{number}")))
    seen: list[str | None] = []
    after = None
    while True:
        page = messages(desk, limit=3, after=after)
        seen += [message.case_id for message in page.messages]
        after = page.next
        if after is None:
            break
    assert seen == [f"c-{number}" for number in reversed(range(7))]


def test_a_message_is_read_once_and_by_its_reader_only(desk: Projection) -> None:
    desk.hear(told(offered()))
    [message] = messages(desk).messages
    with pytest.raises(NotFound):
        desk.ask("sandun.sweep.2", MarkRead(message_id=message.message_id))
    for _ in range(2):
        desk.ask(WORKER, MarkRead(message_id=message.message_id))
    assert messages(desk).messages[0].read
    assert messages(desk, unread_only=True).messages == ()
    assert messages(desk, "sandun.sweep.2").messages == ()


def test_messages_of_an_exercise_stay_in_it(desk: Projection) -> None:
    played = offered(tenant="sandun~ex7", worker=f"{WORKER}~ex7")
    desk.hear(told(played, "sandun~ex7"))
    assert messages(desk).messages == ()
    inside = desk.ask(f"{WORKER}~ex7", ListMessages(), tenant="sandun~ex7")
    assert len(inside.messages) == 1


def test_a_message_of_one_tenant_cannot_speak_of_anothers_case(desk: Projection) -> None:
    with pytest.raises(Invalid):
        desk.hear(told(offered(tenant="wenxin"), "sandun"))
    assert desk.rows("SELECT 1 FROM notify.messages") == []


def test_what_has_no_case_is_in_the_inbox_and_in_the_reports_story(desk: Projection) -> None:
    """A report to look at, told twice; and a town's mode, which is about neither a case nor a report."""
    look = told(
        VerificationAsked(
            report_id="r-1",
            cell="330106109001001",
            matter="s:01037",
            place=case().place,
            asked_at=MORNING,
            due_at=MORNING + timedelta(hours=4),
            asked_by="rules",
            reason="to-verify",
        )
    )
    desk.hear(look, told(ModeSwitched(state=ModeState(tenant="sandun", number=1, reason="演练"))))
    desk.hear(look)
    told_of = messages(desk, "sandun.grid-worker.1").messages
    mode, asked = sorted(told_of, key=lambda message: message.report_id or "")  # both of one moment
    assert (asked.case_id, asked.report_id, mode.case_id, mode.report_id) == (None, "r-1", None, None)
    assert "Zhenhua Road 1" in asked.body
    assert len(messages(desk).messages) == 1  # a handler hears of the mode only
    found: Happenings = desk.ask("sandun.supervisor.1", TellMessages(subject="r-1"))
    assert [(h.what, h.who) for h in found.happenings] == [("verification.asked.v1", "sandun.grid-worker.1")]
    with pytest.raises(Invalid):
        desk.hear(told(ModeSwitched(state=ModeState(tenant="wenxin", number=1)), "sandun"))


def test_a_supervisor_sees_what_was_told_about_a_case_and_a_handler_does_not(desk: Projection) -> None:
    desk.hear(told(offered()), told(EVENT_OF[Stage.DISPOSED](case=case(stage=Stage.DISPOSED, version=3))))
    found: Happenings = desk.ask("sandun.supervisor.1", TellMessages(subject="c-1"))
    assert [(h.what, h.who, h.detail["state"]) for h in found.happenings] == [
        ("case.filed.v1", WORKER, "unread"),
        ("case.disposed.v1", "sandun.grid-worker.1", "unread"),
    ]
    with pytest.raises(Forbidden):
        desk.ask(WORKER, TellMessages(subject="c-1"))
    elsewhere = desk.ask("wenxin.supervisor.1", TellMessages(subject="c-1"), tenant="wenxin")
    assert elsewhere.happenings == ()


def test_two_replicas_with_the_same_events_never_block_each_other(desk: Projection) -> None:
    batch = [told(offered(f"c-{number}", worker=None)) for number in range(40)]
    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(desk.hear, *order) for order in (batch, batch[::-1])]:
            done.result(timeout=60)
    [rows] = desk.rows("SELECT count(*), count(DISTINCT (recipient, case_id)) FROM notify.messages")
    assert rows[0] == rows[1] >= 40


def test_a_message_tells_the_tenants_time_not_the_machines(desk: Projection) -> None:
    clock: TestClock = desk.database.clocks
    clock.set(MORNING + timedelta(days=400), "sandun")
    desk.hear(told(offered()))
    assert messages(desk).messages[0].at == MORNING + timedelta(days=400)
