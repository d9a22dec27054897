"""The pushed inbox over HTTP: a real gateway, broker and database, and notify as a process of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import httpx
import pytest
from case_samples import case
from projection_desk import build_notify
from sqlalchemy import make_url
from test_gateway import ROOT, SIGNING, VERIFY, build_gateway, running, settings, until

from qipan.access import Principal, Role, Signer
from qipan.contracts.base import Event
from qipan.contracts.envelope import Envelope
from qipan.contracts.events import CaseFiled
from qipan.ids import new_id
from qipan.messaging import outgoing, topology
from qipan.messaging.publisher import Fate, Publisher
from qipan.messaging.wire import Wire
from qipan.storage.work import Unsent
from qipan.testing import Broker, Databases
from services.gateway import pace
from services.gateway.parts import Resources

WORKER, OTHER = "sandun.sweep.1", "sandun.sweep.2"
STREAM = "/v1/messages/stream"


class Stream:
    """An open stream, read event by event."""

    def __init__(self, answer: httpx.Response) -> None:
        self._lines = answer.iter_lines()
        self.last = ""

    def next(self) -> tuple[str, str]:
        """The next event's name and data."""
        found: dict[str, str] = {}
        pings = 0
        for line in self._lines:
            if not line and "event" in found:
                self.last = found.get("id", self.last)
                return found["event"], found.get("data", "")
            name, _, value = line.partition(": ")
            if name:
                found[name] = value
            elif value:
                pings += 1
                assert pings < 4, "nothing came"  # only ends a test that would never end
        return "over", ""

    def case(self) -> str:
        """The case that the next message is about."""
        event, data = self.next()
        assert event == "message", (event, data)
        return str(json.loads(data)["case_id"])


@dataclass
class House:
    """The gateway, and notify that can go and come."""

    http: httpx.Client
    resources: Resources
    broker: Broker
    environment: dict[str, str]

    def bearer(self, sub: str, role: Role = Role.HANDLER, seconds: float = 600) -> dict[str, str]:
        tenant = "sandun" + "".join(sub.partition("~")[1:])
        principal = Principal(sub=sub, name=sub, tenant=tenant, roles=frozenset({role}))
        return {"Authorization": f"Bearer {Signer(SIGNING).token(principal, seconds)}"}

    @contextmanager
    def stream(self, sub: str, after: str = "", **options: float) -> Iterator[Stream]:
        """Somebody's stream, once it has begun."""
        headers = self.bearer(sub, **options) | ({"Last-Event-ID": after} if after else {})
        with self.http.stream("GET", STREAM, headers=headers) as answer:
            assert answer.status_code == 200, answer.read()
            stream = Stream(answer)
            assert stream.next()[0] == "watching"
            yield stream

    def offer(self, case_id: str, worker: str = WORKER) -> None:
        """Say, as dispatch does, that somebody is offered a case."""
        tenant = "sandun" + "".join(worker.partition("~")[1:])
        event: Event = CaseFiled(case=case(case_id, worker=worker, tenant=tenant))
        id = new_id()
        body = Envelope.seal(event, id=id, source="dispatch", tenant=tenant)
        unsent = Unsent(tenant, f"{tenant}.{event.type}", id, None, body)
        publisher = Publisher(self.broker.url, "test")
        try:
            fates = publisher.publish_all([outgoing.event(unsent, "dispatch", mandatory=True)])
            assert set(fates) == {Fate.CONFIRMED}
        finally:
            publisher.close()

    @contextmanager
    def notify(self) -> Iterator[None]:
        """Notify's process, for a while."""
        command = [sys.executable, "-m", "qipan.hosting.service_main", "notify"]
        process = subprocess.Popen(command, env=self.environment, cwd=ROOT)
        try:
            until(lambda: self.listed() == 200, 60)
            yield
        finally:
            process.terminate()
            process.wait(30)

    def listed(self) -> int:
        return self.list().status_code

    def list(self) -> httpx.Response:
        return self.http.get("/v1/messages", headers=self.bearer(WORKER))


@pytest.fixture
def house(broker: Broker, database_url: Databases) -> Iterator[House]:
    wire = Wire(broker.url, "topology")
    topology.declare(wire.channel, topology.core_declarations())
    wire.close()
    environment = {
        **os.environ,
        "QIPAN_AMQP_URL": broker.url,
        "QIPAN_CORE_USER": str(make_url(broker.url).username),
        "QIPAN_DISTRICT": str(ROOT / "districts/xihu"),
        "QIPAN_VERIFY_KEY": VERIFY,
        "QIPAN_DATABASE_URL": database_url(build_notify),
    }
    with running(settings(broker.url, database_url(build_gateway))) as (http, resources):
        until(lambda: http.get("/readyz").status_code == 200)
        yield House(http, resources, broker, environment)


def test_messages_are_pushed_to_their_reader_alone_and_resumed_where_they_ended(house: House) -> None:
    played = f"{WORKER}~ex7"
    with house.notify(), ExitStack() as stack:
        other = stack.enter_context(house.stream(OTHER))
        inside = stack.enter_context(house.stream(played))
        with house.stream(WORKER) as mine:
            begin = mine.last
            until(lambda: house.resources.parts.live.ready())
            house.offer("c-1")
            assert mine.case() == "c-1"
            last = mine.last
            house.offer("c-2")
            assert mine.case() == "c-2"
        house.offer("c-3")
        with house.stream(WORKER, last) as resumed:
            assert [resumed.case(), resumed.case()] == ["c-2", "c-3"]
            house.offer("c-4")
            assert resumed.case() == "c-4"
        with house.stream(WORKER, begin) as again:
            assert [again.case() for _ in range(4)] == ["c-1", "c-2", "c-3", "c-4"]
        # What was another's is not on these; that they hear at all, what is theirs shows.
        house.offer("c-5", OTHER)
        house.offer("c-6", played)
        assert other.case() == "c-5"
        assert inside.case() == "c-6"


def test_an_event_rings_the_bell(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """With no looks but for those that events ring for."""
    monkeypatch.setattr(pace, "REST", 3600.0)
    with house.notify(), house.stream(WORKER) as mine:
        until(lambda: house.resources.parts.live.ready())
        house.offer("c-1")
        until(lambda: len(house.list().json()["messages"]) == 1)
        house.offer("c-2", OTHER)  # however long the first took to be written: this rings when it is there
        assert mine.case() == "c-1"


def test_a_stream_stays_while_notify_is_away_and_then_catches_up(house: House) -> None:
    with ExitStack() as stack:
        with house.notify():
            mine = stack.enter_context(house.stream(WORKER))
            until(lambda: house.resources.parts.live.ready())
            house.offer("c-1")
            assert mine.case() == "c-1"
        until(lambda: house.listed() == 503)
        house.offer("c-2")
        with house.notify():
            assert mine.case() == "c-2"


def test_nobody_streams_what_they_may_not_list(house: House) -> None:
    assert house.http.get(STREAM).status_code == 401
    machine = house.bearer("m", Role.MACHINE)
    assert house.http.get(STREAM, headers=machine).status_code == 403
    abroad = house.bearer(WORKER)
    assert house.http.get(f"{STREAM}?tenant=wenxin", headers=abroad).status_code == 403
    assert house.http.get(f"{STREAM}?tenant=sandun~ex7", headers=abroad).status_code == 403
    wrong = {**house.bearer(WORKER), "Last-Event-ID": "yesterday"}
    refused = house.http.get(STREAM, headers=wrong)
    assert (refused.status_code, refused.json()["faults"][0]["where"]) == (422, "Last-Event-ID")


def test_a_stream_of_messages_ends_with_its_token(house: House) -> None:
    """Also while notify is away: the stream is open, and nothing is on it."""
    with house.http.stream("GET", STREAM, headers=house.bearer(WORKER, seconds=2)) as answer:
        assert Stream(answer).next()[0] == "expired"
    until(lambda: not house.resources.parts.live.ready())
