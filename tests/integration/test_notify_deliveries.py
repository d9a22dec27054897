"""Deliveries to peers that misbehave: each once, none holds up another, what did not arrive is seen and sent again."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from case_samples import MORNING
from projection_desk import Projection, build_notify, notify
from sqlalchemy import text

from bench.deliveries.peers import HttpSink, MailSink, mail_sink, operators_file
from bench.deliveries.runs import _fill
from qipan.contracts.deliveries import ListUndelivered, NoteReceipt, ResendDeliveries, Resent, Undelivered
from qipan.contracts.errors import Forbidden
from qipan.tenancy import TestClock
from qipan.testing import Databases
from services.notify import undelivered
from services.notify.channel import NotAccepted, Outgoing, Refused, Sends
from services.notify.crew import Crew
from services.notify.deliveries import BACKOFF
from services.notify.gate import FIRST_REST, MOST_FAILURES
from services.notify.operator_file import outlets
from services.notify.outlets import Outlet, Outlets
from services.notify.sender import Sender
from services.notify.shapes import core_shapes

START = datetime(2026, 3, 2, tzinfo=UTC)
ANSWERS = {ListUndelivered: "list_undelivered", ResendDeliveries: "resend"}
SUPERVISOR = "sandun.supervisor.1"


@dataclass
class Log:
    """A delivery log, and the clock that its senders go by."""

    desk: Projection
    now: datetime = START
    made: list[str] = field(default_factory=list)

    def fill(self, destination: str, count: int, channel: str = "webhook") -> list[str]:
        with self.desk.database.begin() as work:
            keys = _fill(work.conn, destination, channel, count)
            work.conn.execute(text("UPDATE notify.deliveries SET next_at = :now"), {"now": self.now})
        self.made += keys
        return keys

    def sender(self, found: Outlets, address: str | None = "a@b.example") -> Sender:
        return Sender(
            self.desk.database, found, lambda *_: address, lambda: self.now, rest=lambda s: self.pass_(s)
        )

    def pass_(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def states(self) -> dict[str, int]:
        return dict(self.desk.rows("SELECT state, count(*) FROM notify.deliveries GROUP BY state"))


@pytest.fixture
def log(database_url: Databases) -> Iterator[Log]:
    desk = notify(database_url(build_notify), TestClock(MORNING), ANSWERS)
    yield Log(desk)
    desk.database.close()


def test_each_key_comes_once_whatever_the_peers_do(log: Log, tmp_path: Path) -> None:
    file = tmp_path / "destinations.toml"
    with HttpSink() as http, mail_sink() as mail:
        file.write_text(operators_file(http, mail), encoding="utf-8")
        sender = log.sender(outlets(file, "", core_shapes()))
        for name, channel in (
            ("post", "mail"),
            ("robot", "dingtalk"),
            ("calm", "webhook"),
            ("faulty", "webhook"),
        ):
            log.fill(name, 60, channel)
        for wait in (timedelta(0), *BACKOFF):
            log.now += wait + FIRST_REST
            sender.turn()
        assert set(log.states()) <= {"accepted", "delivered"}
        assert _taken(http, mail) == dict.fromkeys(log.made, 1)
        assert sum(http.books.tried.values()) > 180  # some did misbehave
        assert http.books.inside == 0


def _taken(http: HttpSink, mail: MailSink) -> dict[str, int]:
    return dict(http.books.taken + mail.books.taken)


class Scripted:
    """A channel that does what it is told, message by message; then takes everything."""

    def __init__(self, *troubles: NotAccepted) -> None:
        self.troubles = list(troubles)
        self.taken: list[str] = []

    def send(self, address: str, message: Outgoing) -> bool:
        if self.troubles:
            raise self.troubles.pop(0)
        self.taken.append(message.key)
        return True


class Hanging:
    """A channel that answers only once it is let go."""

    def __init__(self) -> None:
        self.asked, self.let_go = threading.Event(), threading.Event()

    def send(self, address: str, message: Outgoing) -> bool:
        self.asked.set()
        assert self.let_go.wait(60)
        return True


def hook(name: str, sends: Sends, rate: float | None = None) -> Outlet:
    return Outlet(name, "webhook", sends, personal=False, rate=rate)


def test_a_hanging_gateway_holds_up_no_other(log: Log) -> None:
    """While one gateway has not even answered its first, everything for the other has gone."""
    hanging, calm = Hanging(), Scripted()
    log.fill("hanging", 5)
    keys = log.fill("calm", 30)
    workers: list[threading.Thread] = []

    def beside(work: Callable[[], None]) -> None:
        workers.append(threading.Thread(target=work))
        workers[-1].start()

    crew = Crew(beside)
    sender = log.sender(Outlets.of([hook("hanging", hanging), hook("calm", calm)]))
    crew.send(sender)
    assert hanging.asked.wait(60)
    expected = {"delivered": 30, "sending": 1, "queued": 4}
    end = time.monotonic() + 60
    while log.states() != expected and time.monotonic() < end:
        crew.send(sender)  # the hanging one has its worker: no second is put to it
    assert log.states() == expected
    assert sorted(calm.taken) == sorted(keys)
    assert not hanging.let_go.is_set()
    hanging.let_go.set()
    for worker in workers:
        worker.join(60)
    assert log.states() == {"delivered": 35}


def test_a_dead_destination_is_left_alone_and_its_messages_keep_their_attempts(log: Log) -> None:
    dead = Scripted(*(NotAccepted("no answer in time") for _ in range(MOST_FAILURES + 1)))
    sender = log.sender(Outlets.of([hook("dead", dead)]))
    log.fill("dead", 20)
    assert sender.turn() == 0
    assert log.states() == {"failed": MOST_FAILURES, "queued": 20 - MOST_FAILURES}
    log.now += FIRST_REST
    assert sender.turn() == 0  # one is tried, and fails as well
    assert log.states() == {"failed": MOST_FAILURES + 1, "queued": 19 - MOST_FAILURES}
    assert sender.due() == []
    log.now += 2 * FIRST_REST
    assert sender.turn() == 20
    assert log.states() == {"delivered": 20}


def test_what_a_destination_will_never_take_is_given_up_and_stops_nothing(log: Log) -> None:
    picky = Scripted(*(Refused("it answered 413") for _ in range(MOST_FAILURES + 2)))
    sender = log.sender(Outlets.of([hook("picky", picky)]))
    log.fill("picky", 10)
    assert sender.turn() == 10 - MOST_FAILURES - 2
    assert log.states() == {"given-up": MOST_FAILURES + 2, "delivered": 3}


@pytest.mark.parametrize("rate", [0.5, 10.0])
def test_a_rate_is_kept_and_made_use_of(log: Log, rate: float) -> None:
    class Timed(Scripted):
        def send(self, address: str, message: Outgoing) -> bool:
            at.append(log.now)
            log.pass_(0.02)
            return super().send(address, message)

    at: list[datetime] = []
    sender = log.sender(Outlets.of([hook("slow", Timed(), rate=rate)]))
    log.fill("slow", 20)
    assert sender.turn() == 20
    assert at == [START + number * timedelta(seconds=1 / rate) for number in range(20)]
    log.now = at[-1]
    log.fill("slow", 1)
    assert sender.turn() == 0  # another process, at once: not before its time


def test_what_is_not_sent_to_a_broken_destination_costs_it_no_time(log: Log) -> None:
    """Once it is tried with one at a time, those that have no address are no try."""
    dead = Scripted(*(NotAccepted("no answer in time") for _ in range(MOST_FAILURES)))
    found = Outlets.of([Outlet("dead", "mail", dead)])
    log.fill("dead", MOST_FAILURES)
    log.sender(found).turn()
    log.now += FIRST_REST
    log.fill("dead", 3, "mail")
    log.sender(found, address=None).turn()
    assert log.states().get("given-up", 0) >= 3
    log.now += timedelta(milliseconds=1)
    log.fill("dead", 1, "mail")
    assert log.sender(found).turn() == 1


def test_the_undelivered_are_seen_by_who_may_and_sent_again_under_their_keys(log: Log) -> None:
    picky = Scripted(Refused("it answered 422"), Refused("it answered 422"), Refused("it answered 400"))
    sender = log.sender(Outlets.of([hook("picky", picky)]))
    keys = log.fill("picky", 4)
    sender.turn()
    with pytest.raises(Forbidden):
        log.desk.ask("sandun.sweep.1", ListUndelivered())
    first: Undelivered = log.desk.ask(SUPERVISOR, ListUndelivered(limit=2))
    rest: Undelivered = log.desk.ask(SUPERVISOR, ListUndelivered(limit=2, after=first.next))
    assert first.next is not None
    assert rest.next is None
    found = [*first.deliveries, *rest.deliveries]
    assert sorted(one.key for one in found) == sorted(set(keys) - set(picky.taken))
    assert {(one.error, one.destination) for one in found} == {
        ("it answered 422", "picky"),
        ("it answered 400", "picky"),
    }
    elsewhere: Undelivered = log.desk.ask("wenxin.supervisor.1", ListUndelivered(), tenant="wenxin")
    assert elsewhere.deliveries == ()
    again: Resent = log.desk.ask(SUPERVISOR, ResendDeliveries(keys=tuple(keys)))
    assert sorted(again.queued) == sorted(one.key for one in found)
    assert again.not_queued == tuple(picky.taken)
    log.now = datetime.now(UTC) + timedelta(seconds=1)
    assert sender.turn() == 3
    assert sorted(picky.taken) == sorted(keys)


def test_what_waits_for_a_destination_that_is_gone_is_seen(log: Log) -> None:
    [key] = log.fill("renamed", 1)
    log.now = datetime.now(UTC)
    log.fill("calm", 1)
    with log.desk.database.begin() as work:
        work.conn.execute(
            text(
                "UPDATE notify.deliveries SET next_at = now() - interval '61 minutes'"
                " WHERE destination = 'renamed'"
            )
        )
    found: Undelivered = log.desk.ask(SUPERVISOR, ListUndelivered())
    assert [(one.key, one.state) for one in found.deliveries] == [(key, "queued")]


@pytest.mark.parametrize(("arrived", "state"), [(True, "delivered"), (False, "given-up")])
def test_a_receipt_that_comes_before_the_answer_holds(log: Log, arrived: bool, state: str) -> None:
    class Early:
        def send(self, address: str, message: Outgoing) -> bool:
            with log.desk.database.begin() as work:
                receipt = NoteReceipt(key=message.key, arrived=arrived)
                assert undelivered.note_receipt(work.conn, "sandun", receipt)
            return False

    log.fill("early", 1)
    log.sender(Outlets.of([hook("early", Early())])).turn()
    assert log.states() == {state: 1}


def test_who_asks_for_patience_gets_it(log: Log) -> None:
    busy = Scripted(NotAccepted("it answered 429", retry_after=90.0))
    sender = log.sender(Outlets.of([hook("busy", busy)]))
    log.fill("busy", 2)
    assert sender.turn() == 0
    log.now += timedelta(seconds=89)
    assert sender.turn() == 0
    log.now += timedelta(seconds=1)
    assert sender.turn() == 2
