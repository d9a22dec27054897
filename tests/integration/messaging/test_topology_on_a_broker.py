"""The declared shape on a real broker: where messages go, when they come back, what a full queue says."""

from collections.abc import Iterator
from typing import Any

import pytest
from amqp.exceptions import PreconditionFailed

from qipan.messaging import topology
from qipan.messaging.declaration import Binding, Declaration, Queue
from qipan.messaging.publisher import Fate, Publisher
from qipan.messaging.wire import Outgoing
from qipan.testing import Broker
from tests.integration.messaging.conftest import until

TRIAGED = "report.triaged.v1"
CLOSED = "case.closed.v1"
WAIT_MS = 500


class Shape:
    """One service's queues, with somebody who publishes and looks."""

    def __init__(self, url: str) -> None:
        self.publisher = Publisher(url, "test")
        self.channel = self.publisher.wire.channel

    def declare(self, declarations: tuple[Declaration, ...]) -> None:
        topology.declare(self.channel, declarations)

    def publish(self, exchange: str, key: str, id: str = "m", body: bytes = b"{}") -> Fate:
        message = Outgoing(exchange, key, body, {"message_id": id, "delivery_mode": 2})
        return self.publisher.publish_all([message])[0]

    def take(self, queue: str) -> list[Any]:
        taken = []
        while (message := self.channel.basic_get(queue, no_ack=True)) is not None:
            taken.append(message)
        return taken

    def ids(self, queue: str) -> list[str]:
        return [message.properties["message_id"] for message in self.take(queue)]


@pytest.fixture
def shape(broker: Broker) -> Iterator[Shape]:
    shape = Shape(broker.url)
    subscriptions = {"dispatch": (TRIAGED,), "analytics": (TRIAGED, CLOSED)}
    shape.declare(topology.core_declarations(subscriptions, waits_ms=(WAIT_MS,)))
    yield shape
    shape.publisher.close()


def test_every_subscriber_gets_an_event_and_nobody_else(shape: Shape) -> None:
    assert shape.publish("events", f"sandun.{TRIAGED}") is Fate.CONFIRMED
    assert shape.publish("events", f"sandun.{CLOSED}", "closed") is Fate.CONFIRMED
    assert shape.ids("dispatch.core") == ["m"]
    assert shape.ids("analytics.core") == ["m", "closed"]


def test_an_event_that_nobody_hears_comes_back(shape: Shape) -> None:
    assert shape.publish("events", "sandun.task.offered.v1") is Fate.RETURNED


def test_a_tenants_queue_takes_its_keys_and_no_others(shape: Shape) -> None:
    shape.declare(topology.taken_over_events("dispatch", "sandun"))
    for tenant in ("sandun", "sandun~ex7", "sandun-x", "wenxin"):
        shape.publish("events", f"{tenant}.{TRIAGED}", tenant)
    assert shape.ids("dispatch@sandun") == ["sandun"]
    assert shape.ids("dispatch.core") == ["sandun~ex7", "sandun-x", "wenxin"]


def test_calls_go_to_the_tenant_or_the_core_or_come_back(shape: Shape) -> None:
    key = "sandun.case.get.v1"
    assert shape.publish("calls.dispatch", key) is Fate.RETURNED
    shape.declare(topology.core_call_queue("dispatch"))
    assert shape.publish("calls.dispatch", key, "core") is Fate.CONFIRMED
    shape.declare(topology.taken_over_calls("dispatch", "sandun"))
    assert shape.publish("calls.dispatch", key, "town") is Fate.CONFIRMED
    assert (shape.ids("calls.dispatch.core"), shape.ids("calls.dispatch@sandun")) == (["core"], ["town"])


def test_a_call_queue_that_nobody_ever_consumed_goes_by_itself(shape: Shape) -> None:
    (queue, binding) = topology.taken_over_calls("dispatch", "sandun")
    assert isinstance(queue, Queue)
    shape.declare((Queue(queue.name, {**queue.arguments, "x-expires": 200}, auto_delete=True), binding))
    until(lambda: shape.publish("calls.dispatch", "sandun.case.get.v1") is Fate.RETURNED)


def test_a_waiting_message_comes_back_to_whoever_serves_the_tenant_by_then(shape: Shape) -> None:
    shape.declare(topology.taken_over_events("dispatch", "sandun"))
    shape.publish(f"wait.dispatch.{WAIT_MS}", f"sandun.{TRIAGED}", "to the town")
    until(lambda: shape.ids("dispatch@sandun") == ["to the town"])
    shape.publish(f"wait.dispatch.{WAIT_MS}", f"sandun.{TRIAGED}", "to the core")
    shape.channel.queue_unbind("dispatch@sandun", "inbox.dispatch", "sandun.#")
    until(lambda: shape.ids("dispatch.core") == ["to the core"])
    assert shape.ids("dispatch@sandun") == []
    assert shape.ids("analytics.core") == [], "what one service tries again, the others do not get again"


def test_what_waits_is_kept_while_the_service_has_no_room(shape: Shape) -> None:
    """The control for `at-least-once`: the queue it comes back to refuses, and it is not lost."""
    narrow = {"x-queue-type": "quorum", "x-max-length": 1, "x-overflow": "reject-publish"}
    shape.channel.queue_delete("dispatch.core")
    shape.declare((Queue("dispatch.core", narrow), Binding("inbox.dispatch.core", "dispatch.core", "")))
    blocking = 0
    while shape.publish("events", f"wenxin.{TRIAGED}", f"b{blocking}") is Fate.CONFIRMED:
        blocking += 1
    assert shape.publish(f"wait.dispatch.{WAIT_MS}", f"sandun.{TRIAGED}", "again") is Fate.CONFIRMED
    came: list[str] = []

    def back() -> bool:
        came.extend(shape.ids("dispatch.core"))
        return "again" in came

    until(back, seconds=60)


def test_a_full_queue_refuses_through_every_exchange_before_it(shape: Shape) -> None:
    """`events` → `inbox.dispatch` → its alternate exchange → the queue: the publisher's confirm is a nack."""
    narrow = {"x-queue-type": "quorum", "x-max-length": 1, "x-overflow": "reject-publish"}
    shape.channel.queue_delete("dispatch.core")
    shape.declare((Queue("dispatch.core", narrow), Binding("inbox.dispatch.core", "dispatch.core", "")))
    fates = [shape.publish("events", f"sandun.{TRIAGED}", f"m{number}") for number in range(5)]
    assert fates[0] is Fate.CONFIRMED
    assert fates[-1] is Fate.REFUSED
    assert len(shape.ids("analytics.core")) == 5, "who has room gets it all the same"


def test_another_shape_under_a_name_is_refused(shape: Shape) -> None:
    with pytest.raises(PreconditionFailed, match="inequivalent arg"):
        shape.declare((Queue("dispatch.core", {"x-queue-type": "quorum", "x-max-length-bytes": 1}),))
