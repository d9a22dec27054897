"""Notify and analytics as they run: processes of their own, fed over a real broker, mail to a real server."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from case_samples import EVENT_OF, case, triaged
from projection_desk import ROOT, build_analytics, build_notify, xihu
from sqlalchemy import make_url

from qipan.access import Principal, Role, Signer, new_keys
from qipan.contracts import envelope
from qipan.contracts.base import Event
from qipan.contracts.case import Stage
from qipan.contracts.queries import BoardAnswer, GetBoard, ListMessages, Messages
from qipan.hosting.embedded.home import free_port
from qipan.ids import new_id
from qipan.messaging import outgoing, topology
from qipan.messaging.client import Client
from qipan.messaging.publisher import Fate, Publisher
from qipan.messaging.wire import Wire
from qipan.storage.work import Unsent
from qipan.testing import Broker, Databases

WORKER = "sandun.sweep.1"


class Sink:
    """Keeps whom it accepted mail for."""

    def __init__(self) -> None:
        self.recipients: list[str] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.recipients += envelope.rcpt_tos
        return "250 OK"


class Running:
    """Both services, a client, and a hand on the exchange of events."""

    def __init__(self, broker: Broker, client: Client, signer: Signer, sink: Sink) -> None:
        self.client = client
        self.sink = sink
        self._broker = broker
        self._signer = signer

    def tell(self, *events: Event) -> None:
        """Publish as the core does, each event twice."""
        messages = []
        for event in events:
            id = new_id()
            body = envelope.Envelope.seal(event, id=id, source="dispatch", tenant="sandun")
            unsent = Unsent("sandun", f"sandun.{event.type}", id, None, body)
            messages += [outgoing.event(unsent, "dispatch", mandatory=True)] * 2
        publisher = Publisher(self._broker.url, "test")
        try:
            assert set(publisher.publish_all(messages)) == {Fate.CONFIRMED}
        finally:
            publisher.close()

    def messages(self) -> Messages:
        return self.client.call(ListMessages(), tenant="sandun", principal=self._token(WORKER))

    def board(self) -> BoardAnswer:
        return self.client.call(GetBoard(), tenant="sandun", principal=self._token("sandun.supervisor.1"))

    def _token(self, sub: str) -> str:
        person = next(person for person in xihu().people if person.id == sub)
        roles = frozenset(Role(role) for role in person.roles)
        return self._signer.token(Principal(sub=sub, name=sub, tenant=person.tenant, roles=roles), 600)


def until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    """Wait for something to become true; the limit only ends a test that would never end."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError("it did not come about")
        time.sleep(0.05)


@pytest.fixture
def running(broker: Broker, database_url: Databases) -> Iterator[Running]:
    signing, verifying = new_keys()
    sink = Sink()
    server = Controller(sink, hostname="127.0.0.1", port=free_port())
    server.start()
    wire = Wire(broker.url, "topology")
    topology.declare(wire.channel, topology.core_declarations())
    wire.close()
    shared = {
        **os.environ,
        "QIPAN_AMQP_URL": broker.url,
        "QIPAN_CORE_USER": str(make_url(broker.url).username),
        "QIPAN_DISTRICT": str(ROOT / "districts/xihu"),
        "QIPAN_VERIFY_KEY": verifying,
        "QIPAN_SMTP_URL": f"mailto://127.0.0.1:{server.port}",
    }
    client = Client(broker.url, "test")
    client.start(10)
    found = Running(broker, client, Signer(signing), sink)
    with ExitStack() as stack:
        stack.callback(server.stop)
        stack.callback(client.stop)
        for service, build in (("notify", build_notify), ("analytics", build_analytics)):
            stack.enter_context(_process(service, {**shared, "QIPAN_DATABASE_URL": database_url(build)}))
        until(lambda: _serves(found))
        yield found


def test_what_happened_is_told_mailed_and_counted_once(running: Running) -> None:
    offered = case()
    accepted = case(stage=Stage.ACCEPTED, version=2)
    running.tell(triaged(), EVENT_OF[Stage.OFFERED](case=offered), EVENT_OF[Stage.ACCEPTED](case=accepted))
    until(lambda: len(running.messages().messages) == 1)
    until(lambda: running.board().totals.get("filed") == 1 and running.board().totals["received"] == 1)
    until(lambda: running.sink.recipients == [f"{WORKER}@xihu.example"])
    # Something later has come through: what was told twice before it has had its chance to count twice.
    running.tell(EVENT_OF[Stage.REWORK](case=case("c-2", stage=Stage.REWORK)))
    until(lambda: len(running.messages().messages) == 2)
    until(lambda: len(running.sink.recipients) == 2)
    until(lambda: running.board().totals["filed"] == 2)
    assert running.board().totals["received"] == 1


@contextmanager
def _process(service: str, environment: dict[str, str]) -> Iterator[None]:
    command = [sys.executable, "-m", "qipan.hosting.service_main", service]
    process = subprocess.Popen(command, env=environment, cwd=ROOT)
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)


def _serves(running: Running) -> bool:
    try:
        running.messages()
        running.board()
    except Exception:
        return False
    return True
