"""Mail to a real SMTP server: accepted once, tried again after failures, given up at last."""

import email
import email.header
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session
from case_samples import EVENT_OF, MORNING, case
from projection_desk import Projection, build_notify, notify, told

from qipan.contracts import events
from qipan.contracts.case import Stage
from qipan.contracts.queries import Happenings, TellMessages
from qipan.hosting.embedded.home import free_port
from qipan.tenancy import TestClock
from qipan.testing import Databases
from services.notify import delivery_log
from services.notify.channel import LONGEST, Outgoing, Refused, Sends
from services.notify.deliveries import BACKOFF, LEASE, State
from services.notify.gate import MOST_FAILURES
from services.notify.mail import KEY_HEADER, Mail, MailSettingError
from services.notify.outlets import Outlet, Outlets
from services.notify.sender import Sender

ROOT = Path(__file__).parents[2]
START = datetime(2026, 3, 2, tzinfo=UTC)
SINKS_LOG = "mail"
"""Where the sink writes what it was told, addresses included."""


@dataclass
class Sink:
    """Keeps what it accepts; answers with `refusals` first, and about a recipient with `unknown`."""

    refusals: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    accepted: list[email.message.Message] = field(default_factory=list)
    tried: int = 0

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.unknown:
            return self.unknown.pop(0).format(address)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.tried += 1
        if self.refusals:
            return self.refusals.pop(0)
        self.accepted.append(email.message_from_bytes(envelope.original_content))
        return "250 OK"

    @property
    def keys(self) -> list[str]:
        return [message[KEY_HEADER] for message in self.accepted]


@dataclass
class Post:
    """A notify with mail, its sender and the server."""

    desk: Projection
    sink: Sink
    url: str
    now: datetime = START

    def sender(self, sends: Sends | None = None) -> Sender:
        """A sender of the desk's destinations, or of mail by another way."""
        desk = self.desk.service.desk
        outlets = Outlets.of([Outlet("mail", "mail", sends)]) if sends else desk.outlets
        return Sender(self.desk.database, outlets, desk.address_of, lambda: self.now)

    def queue(self, *case_ids: str) -> None:
        self.desk.hear(*(told(events.CaseFiled(case=case(id))) for id in case_ids))
        self.make_due()

    def make_due(self) -> None:
        """The database's clock put them into the queue; this test's clock decides when they are due."""
        with self.desk.database.begin() as work:
            work.conn.exec_driver_sql(
                "UPDATE notify.deliveries SET next_at = %s WHERE state = 'queued'", (self.now,)
            )

    def states(self) -> list[tuple[str, int]]:
        return [tuple(row) for row in self.desk.rows("SELECT state, attempts FROM notify.deliveries")]


@pytest.fixture
def post(database_url: Databases) -> Iterator[Post]:
    sink = Sink()
    server = Controller(sink, hostname="127.0.0.1", port=free_port())
    server.start()
    url = f"mailto://127.0.0.1:{server.port}"
    answers = {TellMessages: "tell_messages"}
    desk = notify(database_url(build_notify), TestClock(MORNING), answers, Outlet("mail", "mail", Mail(url)))
    yield Post(desk, sink, url)
    desk.database.close()
    server.stop()


def test_an_offer_reaches_the_handlers_mailbox(post: Post) -> None:
    post.queue("c-1")
    assert post.sender().turn() == 1
    [message] = post.sink.accepted
    subject = str(email.header.make_header(email.header.decode_header(message["Subject"])))
    assert message["To"] == "sandun.sweep.1@xihu.example"
    assert "新任务" in subject
    words = {part.get_content_type(): part for part in message.walk() if not part.is_multipart()}
    assert set(words) == {"text/plain", "text/html"}
    for part in words.values():
        assert "c-1" in part.get_payload(decode=True).decode()
    assert post.states() == [("accepted", 1)]
    assert post.sender().turn() == 0


def test_only_some_events_are_mailed(post: Post) -> None:
    for stage in (Stage.ACCEPTED, Stage.DISPOSED, Stage.REWORK):
        post.desk.hear(told(EVENT_OF[stage](case=case(stage=stage))))
    post.desk.hear(told(events.CaseOverdue(case=case(stage=Stage.ACCEPTED))))
    assert [row[0] for row in post.desk.rows("SELECT event FROM notify.deliveries ORDER BY event")] == [
        "case.overdue.v1",
        "case.reworked.v1",
    ]


def test_a_server_that_fails_first_gets_it_later_with_the_same_key(post: Post) -> None:
    post.sink.refusals = ["451 try later", "550 not today"]
    post.queue("c-1")
    [[key]] = post.desk.rows("SELECT key FROM notify.deliveries")
    assert post.sender().turn() == 0
    assert post.states() == [("failed", 1)]
    [[error]] = post.desk.rows("SELECT error FROM notify.deliveries")
    assert "451" in error
    assert "xihu.example" not in error
    for wait in BACKOFF[:2]:
        post.now += wait - timedelta(milliseconds=1)
        assert post.sender().turn() == 0
        post.now += timedelta(milliseconds=1)
        post.sender().turn()
    assert post.states() == [("accepted", 3)]
    assert post.sink.keys == [key]
    assert post.sink.tried == 3


def test_a_reader_whom_the_server_does_not_know_is_given_up_and_their_address_kept_nowhere(
    post: Post, caplog: pytest.LogCaptureFixture
) -> None:
    post.sink.unknown = ["550 5.1.1 <{}>: no such user here"]
    post.queue("c-1")
    assert post.sender().turn() == 0
    assert post.states() == [("given-up", 1)]
    [[error]] = post.desk.rows("SELECT error FROM notify.deliveries")
    assert error == "550 5.1.1 … no such user here"
    found: Happenings = post.desk.ask("sandun.supervisor.1", TellMessages(subject="c-1"))
    logged = [record.getMessage() for record in caplog.records if record.name.partition(".")[0] != SINKS_LOG]
    for said in (str(post.desk.rows("SELECT * FROM notify.deliveries")), str(found), str(logged)):
        assert "xihu.example" not in said


def test_a_wrong_password_is_the_servers_trouble_and_leaves_it_alone(post: Post) -> None:
    closed = Controller(
        Sink(),
        hostname="127.0.0.1",
        port=free_port(),
        authenticator=lambda *_: AuthResult(success=False, handled=False),
        auth_require_tls=False,
    )
    closed.start()
    try:
        sender = post.sender(Mail(f"mailto://me:wrong@127.0.0.1:{closed.port}"))
        post.queue(*(f"c-{number}" for number in range(MOST_FAILURES + 3)))
        assert sender.turn() == 0
    finally:
        closed.stop()
    assert sorted(post.states()) == [("failed", 1)] * MOST_FAILURES + [("queued", 0)] * 3
    assert "535" in str(post.desk.rows("SELECT DISTINCT error FROM notify.deliveries WHERE state = 'failed'"))


def test_a_server_that_is_not_there_delays_and_at_last_ends_it(post: Post) -> None:
    absent = post.sender(Mail(f"mailto://127.0.0.1:{free_port()}"))
    post.queue("c-1")
    for attempt in range(1, len(BACKOFF) + 1):
        absent.turn()
        assert post.states() == [("failed", attempt)]
        post.now += BACKOFF[attempt - 1]
    absent.turn()
    assert post.states() == [("given-up", len(BACKOFF) + 1)]
    post.now += timedelta(days=30)
    assert post.sender().turn() == 0
    found: Happenings = post.desk.ask("sandun.supervisor.1", TellMessages(subject="c-1"))
    assert [h.detail["state"] for h in found.happenings if h.detail["channel"] == "mail"] == ["given-up"]


def test_a_sender_killed_before_recording_repeats_one_mail_with_the_same_key(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    post.queue("c-1", "c-2", "c-3")

    def killed(*_: object) -> bool:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(delivery_log, "record", killed)
        with pytest.raises(KeyboardInterrupt):
            post.sender().turn()
    assert len(post.sink.accepted) == 1
    assert post.sender().turn() == 2
    post.now += LEASE
    assert post.sender().turn() == 1
    assert len(post.sink.accepted) == 4
    assert len(set(post.sink.keys)) == 3
    assert {state for state, _ in post.states()} == {"accepted"}


def test_senders_side_by_side_send_everything_once(post: Post) -> None:
    post.queue(*(f"c-{number}" for number in range(30)))
    gate = Barrier(3)

    def send() -> None:
        sender = post.sender()
        gate.wait()
        while sender.send_one("mail"):
            pass

    with ThreadPoolExecutor(3) as pool:
        for done in [pool.submit(send) for _ in range(3)]:
            done.result(timeout=60)
    assert len(post.sink.keys) == len(set(post.sink.keys)) == 30
    assert post.states() == [("accepted", 1)] * 30


def test_a_sender_whose_lease_lapsed_records_nothing(post: Post) -> None:
    post.queue("c-1")
    with post.desk.database.begin() as work:
        slow = delivery_log.claim(work.conn, post.now, "mail")
    assert slow is not None
    post.now += LEASE
    assert post.sender().turn() == 1
    with post.desk.database.begin() as work:
        assert not delivery_log.record(work.conn, slow, State.FAILED, post.now, "late")
    assert post.states() == [("accepted", 2)]


def test_nothing_is_sent_inside_a_transaction(post: Post) -> None:
    open_while_sending: list[int] = []

    class Watching:
        def send(self, address: str, message: Outgoing) -> bool:
            open_while_sending.extend(
                row[0]
                for row in post.desk.rows(
                    "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'"
                    " AND datname = current_database()"
                )
            )
            return False

    post.queue("c-1")
    assert post.sender(Watching()).turn() == 1
    assert open_while_sending == [0]


def test_a_faulty_channel_fails_its_delivery_and_not_the_sender(post: Post) -> None:
    class Broken:
        def send(self, address: str, message: Outgoing) -> bool:
            raise ZeroDivisionError

    post.queue("c-1")
    post.sender(Broken()).turn()
    assert post.states() == [("failed", 1)]


def test_whoever_left_the_pack_is_not_written_to(post: Post) -> None:
    post.queue("c-1")
    Sender(post.desk.database, post.desk.service.desk.outlets, lambda *_: None, lambda: post.now).turn()
    assert post.states() == [("given-up", 1)]
    assert post.sink.tried == 0


def test_what_belongs_to_a_channel_that_is_off_waits(post: Post) -> None:
    post.queue("c-1")
    assert Sender(post.desk.database, Outlets(), lambda *_: None, lambda: post.now).turn() == 0
    assert post.states() == [("queued", 0)]


@pytest.mark.parametrize(
    "url", ["smtp://mail.example", "mailto://", "mail.example:25", "https://mail.example"]
)
def test_a_wrong_mail_setting_is_refused(url: str) -> None:
    with pytest.raises(MailSettingError, match="QIPAN_SMTP_URL"):
        Mail(url)


@pytest.mark.parametrize("address", ["nobody", "a@b.example, c@d.example"])
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(Refused):
        Mail("mailto://127.0.0.1:9").send(address, Outgoing("k", "t", "b"))


SLOW = """
import eventlet
eventlet.monkey_patch()
import json, socket, sys
from services.notify.channel import NotAccepted, Outgoing
from services.notify.mail import Mail

listening = socket.create_server(("127.0.0.1", 0))

def drip():
    connection, _ = listening.accept()
    connection.sendall(b"220 ")
    while True:
        eventlet.sleep(0.05)
        connection.sendall(b"x")

eventlet.spawn(drip)
try:
    Mail(f"mailto://127.0.0.1:{listening.getsockname()[1]}", seconds=1.0).send("a@b.example", Outgoing("k", "t", "b"))
except NotAccepted as error:
    print(json.dumps([str(error), error.of_message]))
"""


def test_a_server_that_answers_a_letter_at_a_time_does_not_outlive_the_lease() -> None:
    said = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SLOW],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert json.loads(said.stdout) == ["no answer in time", False]
    assert timedelta(seconds=LONGEST) < LEASE
