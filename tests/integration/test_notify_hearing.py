"""Wishes, digests, call-outs, previews and tests on a real database."""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from case_samples import EVENT_OF, MORNING, case
from projection_desk import Projection, build_notify, notify, told, xihu

from qipan.contracts import events
from qipan.contracts.callouts import AnswerCallout, Callout, Callouts, ListCallouts
from qipan.contracts.case import Stage
from qipan.contracts.citizens import ReachReporter, ReporterReached, UpdatesWanted
from qipan.contracts.deliveries import ListUndelivered
from qipan.contracts.errors import Conflict, Forbidden, Invalid, NotFound, Unavailable
from qipan.contracts.preferences import GetWishes, Off, SetWishes, Wishes
from qipan.contracts.queries import ListMessages, Messages
from qipan.contracts.wording import PreviewWords, SendTest, TestSent, Wording
from qipan.storage import timers
from qipan.tenancy import TestClock, load_district
from qipan.testing import Databases
from services.notify import digests, reporters, undelivered
from services.notify.calling import TIMER
from services.notify.channel import Outgoing
from services.notify.deliveries import NO_ADDRESS
from services.notify.desk import Desk
from services.notify.outlets import Outlet, Outlets
from services.notify.reporters import Reached
from services.notify.rulebook import books
from services.notify.sender import Sender

ANSWERS = {
    GetWishes: "get_wishes",
    SetWishes: "set_wishes",
    ListMessages: "list_messages",
    ListCallouts: "list_callouts",
    AnswerCallout: "answer_callout",
    PreviewWords: "preview",
    SendTest: "send_test",
}
WORKER, SUPERVISOR = "sandun.sweep.1", "sandun.supervisor.1"
ROSTER = """
[rosters.night]
people = ["sandun.dispatcher.1", "sandun.dispatcher.2"]
since = 2026-03-02
answer_minutes = 10

[rules.call-out]
event = "case.filed.v1"
roster = "night"
template = "task.offered"
"""


class Takes:
    def send(self, address: str, message: Outgoing) -> bool:
        return True


@pytest.fixture
def clock() -> TestClock:
    return TestClock(MORNING)


@pytest.fixture
def desk(database_url: Databases, clock: TestClock) -> Iterator[Projection]:
    outlets = [
        Outlet("post", "mail", Takes()),
        Outlet("police", "webhook", Takes(), personal=False, tenants=frozenset({"sandun"})),
    ]
    desk = notify(database_url(build_notify), clock, ANSWERS, *outlets)
    yield desk
    desk.database.close()


def offer(desk: Projection, *case_ids: str, **changes: object) -> None:
    desk.hear(*(told(events.CaseFiled(case=case(id, **changes))) for id in case_ids))


def test_wishes_are_kept_and_one_tells_only_ones_own(desk: Projection) -> None:
    assert desk.ask(WORKER, GetWishes()) == Wishes()
    wishes = Wishes(language="en", off=(Off(channel="mail", event="case.filed.v1"),))
    assert desk.ask(WORKER, SetWishes(wishes=wishes)) == wishes
    assert desk.ask(WORKER, GetWishes()) == wishes
    assert desk.ask("sandun.sweep.2", GetWishes()) == Wishes()
    offer(desk, "c-1")
    [message] = desk.ask(WORKER, ListMessages()).messages
    assert message.title.isascii()
    assert desk.rows("SELECT 1 FROM notify.deliveries") == []
    desk.hear(told(EVENT_OF[Stage.REWORK](case=case(stage=Stage.REWORK))))
    assert len(desk.rows("SELECT 1 FROM notify.deliveries")) == 1


def test_quiet_hours_hold_mail_back_and_not_the_inbox(desk: Projection) -> None:
    quiet = Wishes(quiet="00:00-23:59")
    desk.ask(WORKER, SetWishes(wishes=quiet))
    offer(desk, "c-1")
    desk.hear(told(events.CaseOverdue(case=case(stage=Stage.ACCEPTED))))  # urgent
    found: Messages = desk.ask(WORKER, ListMessages())
    assert len(found.messages) == 2
    rows = desk.rows(
        "SELECT event, next_at > now() + interval '1 minute' FROM notify.deliveries ORDER BY event"
    )
    assert [tuple(row) for row in rows] == [("case.filed.v1", True), ("case.overdue.v1", False)]


def test_a_digest_is_one_mail_with_everything_in_it_once(desk: Projection) -> None:
    desk.ask(WORKER, SetWishes(wishes=Wishes(digest="hourly")))
    offer(desk, "c-1", "c-2", "c-3")
    with desk.database.begin() as work:
        assert digests.gather(work.conn, desk.service.desk, datetime.now(UTC)) == 0  # not yet
    later = datetime.now(UTC) + timedelta(hours=2)
    for expected in (3, 0):
        with desk.database.begin() as work:
            assert digests.gather(work.conn, desk.service.desk, later) == expected
    rows = desk.rows("SELECT state, count(*) FROM notify.deliveries GROUP BY state ORDER BY state")
    assert [tuple(row) for row in rows] == [("gathered", 3), ("queued", 1)]
    [[title, body, key]] = desk.rows("SELECT title, body, key FROM notify.deliveries WHERE state = 'queued'")
    assert "3" in title
    assert body.count("新任务") == 3
    assert {
        row[0] for row in desk.rows("SELECT gathered_in FROM notify.deliveries WHERE state = 'gathered'")
    } == {key}


def test_a_digest_that_has_no_way_to_its_reader_any_more_is_among_the_undelivered(desk: Projection) -> None:
    desk.ask(WORKER, SetWishes(wishes=Wishes(digest="hourly", language="en")))
    offer(desk, "c-1", "c-2")
    later, gone = datetime.now(UTC) + timedelta(hours=2), Desk(xihu(), Outlets())
    with desk.database.begin() as work:
        assert digests.gather(work.conn, gone, later) == 2
        found = undelivered.page(work.conn, "sandun", ListUndelivered()).deliveries
        assert {(one.case_id, one.error) for one in found} == {("c-1", NO_ADDRESS), ("c-2", NO_ADDRESS)}


def test_a_digest_speaks_its_readers_language(desk: Projection) -> None:
    desk.ask(WORKER, SetWishes(wishes=Wishes(digest="hourly", language="en")))
    offer(desk, "c-1")
    with desk.database.begin() as work:
        digests.gather(work.conn, desk.service.desk, datetime.now(UTC) + timedelta(hours=2))
    [[title]] = desk.rows("SELECT title FROM notify.deliveries WHERE event = 'digest'")
    assert title.isascii()


def test_who_may_watch_follows_and_others_do_not(desk: Projection) -> None:
    follow = SetWishes(wishes=Wishes(follows=("case.closed.v1",)))
    with pytest.raises(Forbidden):
        desk.ask(WORKER, follow)
    desk.ask(SUPERVISOR, follow)
    desk.hear(told(EVENT_OF[Stage.CLOSED](case=case(stage=Stage.CLOSED))))
    [message] = desk.ask(SUPERVISOR, ListMessages()).messages
    assert "已结案" in message.title
    desk.hear(told(EVENT_OF[Stage.CLOSED](case=case(tenant="wenxin", stage=Stage.CLOSED)), "wenxin"))
    assert len(desk.ask(SUPERVISOR, ListMessages()).messages) == 1


@pytest.fixture
def on_call(desk: Projection, tmp_path: Path) -> Projection:
    """The desk of a district whose Sandun has a roster."""
    copy = tmp_path / "xihu"
    shutil.copytree("districts/xihu", copy)
    (copy / "towns/sandun/notify.toml").write_text(ROSTER, encoding="utf-8")
    district = load_district(copy)
    desk.service.desk = Desk(district, Outlets(), books(district))
    return desk


def time_is_up(desk: Projection, clock: TestClock, by: timedelta = timedelta(minutes=10)) -> int:
    """Let the town's time go on, and fire what is due."""
    clock.advance(by)
    with desk.database.begin() as work:
        due = timers.take_due(work.conn, "notify", TIMER, clock.now("sandun"))
        desk.service.call_the_next(work, due)
    return len(due)


def inbox(desk: Projection, who: str) -> list[str | None]:
    found: Messages = desk.ask(who, ListMessages())
    return [message.callout_id for message in found.messages]


def test_the_next_on_the_roster_is_asked_until_one_answers(on_call: Projection, clock: TestClock) -> None:
    first = told(events.CaseFiled(case=case()))
    on_call.hear(first)
    on_call.hear(first)  # told again: nobody is asked twice
    [callout] = inbox(on_call, "sandun.dispatcher.1")
    assert callout is not None
    assert inbox(on_call, "sandun.dispatcher.2") == []
    with pytest.raises(NotFound):
        on_call.ask("sandun.dispatcher.2", AnswerCallout(callout_id=callout))
    assert time_is_up(on_call, clock, timedelta(minutes=9)) == 0
    assert time_is_up(on_call, clock, timedelta(minutes=1)) == 1
    assert inbox(on_call, "sandun.dispatcher.2") == [callout]
    answered: Callout = on_call.ask("sandun.dispatcher.2", AnswerCallout(callout_id=callout))
    assert (answered.state, answered.answered_by) == ("answered", "sandun.dispatcher.2")
    assert on_call.ask("sandun.dispatcher.2", AnswerCallout(callout_id=callout)) == answered
    with pytest.raises(Conflict, match=r"sandun\.dispatcher\.2"):
        on_call.ask("sandun.dispatcher.1", AnswerCallout(callout_id=callout))
    assert time_is_up(on_call, clock, timedelta(hours=1)) == 0


def test_when_nobody_answers_the_overseers_are_told(on_call: Projection, clock: TestClock) -> None:
    on_call.hear(told(events.CaseFiled(case=case())))
    assert time_is_up(on_call, clock) == 1
    assert time_is_up(on_call, clock) == 1
    assert time_is_up(on_call, clock) == 0
    found: Callouts = on_call.ask(SUPERVISOR, ListCallouts())
    [callout] = found.callouts
    assert callout.state == "unanswered"
    assert callout.asked == ("sandun.dispatcher.1", "sandun.dispatcher.2")
    [message] = on_call.ask("sandun.shift-leader.1", ListMessages()).messages
    assert "无人应答" in message.title
    late: Callout = on_call.ask("sandun.dispatcher.1", AnswerCallout(callout_id=callout.callout_id))
    assert late.state == "answered"
    assert on_call.ask(WORKER, ListCallouts()).callouts == ()  # never asked


@pytest.mark.parametrize("stage", [Stage.ACCEPTED, Stage.CLOSED, Stage.VOIDED])
def test_once_the_case_is_settled_nobody_else_is_called(
    on_call: Projection, clock: TestClock, stage: Stage
) -> None:
    settled = told(EVENT_OF[stage](case=case(stage=stage, version=5)))
    on_call.hear(told(events.CaseFiled(case=case(version=3))), settled)
    assert time_is_up(on_call, clock) == 0
    assert inbox(on_call, "sandun.dispatcher.2") == []
    [callout] = on_call.ask(SUPERVISOR, ListCallouts()).callouts
    assert (callout.state, callout.answered_by) == ("answered", None)
    with pytest.raises(Conflict, match="taken on"):
        on_call.ask("sandun.dispatcher.1", AnswerCallout(callout_id=callout.callout_id))


def test_what_was_settled_before_ends_no_later_call(on_call: Projection, clock: TestClock) -> None:
    on_call.hear(told(events.CaseFiled(case=case(version=6))))
    on_call.hear(told(events.CaseAccepted(case=case(stage=Stage.ACCEPTED, version=5))))
    assert time_is_up(on_call, clock) == 1
    assert len(inbox(on_call, "sandun.dispatcher.2")) == 1


def test_whoever_left_is_not_called(on_call: Projection, clock: TestClock) -> None:
    on_call.hear(told(events.CaseFiled(case=case())))
    with on_call.database.begin() as work:
        work.conn.exec_driver_sql(
            "UPDATE notify.callouts SET people = ARRAY['sandun.dispatcher.1', 'gone', 'sandun.dispatcher.2']"
        )
    assert time_is_up(on_call, clock) == 1
    [callout] = on_call.ask(SUPERVISOR, ListCallouts()).callouts
    assert callout.asked == ("sandun.dispatcher.1", "sandun.dispatcher.2")


def test_in_an_exercise_nobody_is_called_out(on_call: Projection) -> None:
    on_call.hear(told(events.CaseFiled(case=case(tenant="sandun~ex7", worker=f"{WORKER}~ex7")), "sandun~ex7"))
    assert on_call.rows("SELECT 1 FROM notify.callouts") == []


def test_words_are_looked_at_and_a_way_is_tried(desk: Projection) -> None:
    seen: Wording = desk.ask(SUPERVISOR, PreviewWords(template="task.offered", language="en"))
    assert "exposed rubbish" in seen.title
    assert "<h1" in seen.html
    with pytest.raises(NotFound, match=r"task\.offered"):
        desk.ask(SUPERVISOR, PreviewWords(template="no.such"))
    with pytest.raises(Forbidden):
        desk.ask(WORKER, PreviewWords(template="task.offered"))
    sent: TestSent = desk.ask(SUPERVISOR, SendTest(template="task.offered", destination="police"))
    assert (sent.destination, sent.recipient) == ("police", "police")
    [[title, key]] = desk.rows("SELECT title, key FROM notify.deliveries")
    assert title.startswith("【测试】")
    assert key == sent.key
    with pytest.raises(NotFound, match="no way to you"):
        desk.ask(SUPERVISOR, SendTest(template="task.offered", channel="mail"))  # no mailbox
    with pytest.raises(Invalid):
        desk.ask(SUPERVISOR, SendTest(template="task.offered"))
    with pytest.raises(NotFound):
        desk.ask(
            "wenxin.supervisor.1", SendTest(template="task.offered", destination="police"), tenant="wenxin"
        )


def test_xihu_is_whole() -> None:
    assert set(books(xihu())) == set(xihu().tenants)


def wanted(report: str, wanted: bool, minutes: int = 0) -> UpdatesWanted:
    return UpdatesWanted(
        report_id=report, wanted=wanted, language="en", changed_at=MORNING + timedelta(minutes=minutes)
    )


class Mailbox:
    """A channel that keeps what it is given."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, Outgoing]] = []

    def send(self, address: str, message: Outgoing) -> bool:
        self.sent.append((address, message))
        return False


def test_a_reporter_hears_what_they_asked_for_until_they_end_it(desk: Projection) -> None:
    note, report = desk.service.note_reporters, case().report_id
    offer(desk, "c-1")
    assert _to_reporters(desk) == []  # nobody asked
    with desk.database.begin() as work:
        note(work, [told(wanted(report, True))])
    offer(desk, "c-1")
    desk.hear(told(EVENT_OF[Stage.CLOSED](case=case(stage=Stage.CLOSED, version=9))))
    found = _to_reporters(desk)
    assert [(row.recipient, row.event) for row in found] == [
        (f"reporter:{report}", "case.filed.v1"),
        (f"reporter:{report}", "case.closed.v1"),
    ]
    assert "rate it" in found[1].title
    assert "sweep" not in found[0].body  # who does it is no reporter's business
    mailbox = Mailbox()
    outlets = Outlets.of([Outlet("post", "mail", mailbox)])
    later = datetime.now(UTC) + timedelta(seconds=5)

    def send(reach: Reached | None) -> None:
        Sender(desk.database, outlets, lambda *_: None, lambda: later, lambda _: reach).turn()

    with desk.database.begin() as work:
        work.conn.exec_driver_sql("DELETE FROM notify.deliveries WHERE recipient NOT LIKE 'reporter:%%'")
    send(Reached("me@home.example", "https://city.example/stop?token=t"))
    assert [address for address, _ in mailbox.sent] == ["me@home.example"] * 2
    assert all(message.stop and message.stop in message.body for _, message in mailbox.sent)
    with desk.database.begin() as work:
        note(work, [told(wanted(report, False, minutes=5)), told(wanted(report, True, minutes=1))])
    desk.hear(told(EVENT_OF[Stage.REWORK](case=case(stage=Stage.REWORK, version=10))))
    assert len(_to_reporters(desk)) == 2
    assert "home.example" not in str(desk.rows("SELECT * FROM notify.deliveries"))


def test_what_a_reporter_no_longer_wants_when_its_turn_comes_is_dropped(desk: Projection) -> None:
    with desk.database.begin() as work:
        desk.service.note_reporters(work, [told(wanted(case().report_id, True))])
    desk.hear(told(EVENT_OF[Stage.CLOSED](case=case(stage=Stage.CLOSED))))
    mailbox = Mailbox()
    outlets = Outlets.of([Outlet("post", "mail", mailbox)])
    later = datetime.now(UTC) + timedelta(seconds=5)

    def away(_: object) -> Reached | None:
        raise Unavailable

    Sender(desk.database, outlets, lambda *_: None, lambda: later, away).turn()
    assert [row.state for row in _to_reporters(desk)] == ["failed"]  # intake was away: later
    later += timedelta(minutes=1)
    Sender(desk.database, outlets, lambda *_: None, lambda: later, lambda _: None).turn()
    assert [row.state for row in _to_reporters(desk)] == ["dropped"]
    assert mailbox.sent == []


class Intake:
    """Says where a reporter is reached."""

    def __init__(self, email: str | None) -> None:
        self.email = email

    def call(self, request: ReachReporter, *, tenant: str) -> ReporterReached:
        return ReporterReached(email=self.email, stop_token="t" if self.email else "")


@pytest.mark.parametrize(
    ("public_url", "email", "state", "address"),
    [
        ("https://city.example", "me@home.example", "accepted", ["me@home.example"]),
        ("", "me@home.example", "given-up", []),
        ("", None, "dropped", []),
    ],
)
def test_without_a_public_address_a_reporters_mail_is_given_up_and_says_why(
    desk: Projection, public_url: str, email: str | None, state: str, address: list[str]
) -> None:
    with desk.database.begin() as work:
        desk.service.note_reporters(work, [told(wanted(case().report_id, True))])
    desk.hear(told(EVENT_OF[Stage.CLOSED](case=case(stage=Stage.CLOSED))))
    mailbox = Mailbox()
    outlets = Outlets.of([Outlet("post", "mail", mailbox)])
    later = datetime.now(UTC) + timedelta(seconds=5)
    reach = partial(reporters.reached, Intake(email), public_url)
    Sender(desk.database, outlets, lambda *_: None, lambda: later, reach).turn()
    (row,) = _to_reporters(desk)
    assert row.state == state
    assert ("QIPAN_PUBLIC_URL" in (row.error or "")) == (state == "given-up")
    assert [each for each, _ in mailbox.sent if each] == address


def _to_reporters(desk: Projection) -> list[Any]:
    return desk.rows("SELECT * FROM notify.deliveries WHERE recipient LIKE 'reporter:%' ORDER BY created_at")
