"""A tenant's broker user tries everything against its neighbour and the core. All of it is refused.

Sandun attacks, Wenxin is attacked. The last tests are the controls: with one topic permission left out the
same attack succeeds, and what the broker does let through, the consumer's check refuses.
"""

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import pytest
from amqp.exceptions import AccessRefused, PreconditionFailed

from qipan.hosting.embedded import EmbeddedBroker
from qipan.ids import new_id
from qipan.messaging import topology
from qipan.messaging.definitions import AddedService, Plan, definitions
from qipan.messaging.provision import apply, user_url
from qipan.messaging.publisher import Fate, Publisher
from qipan.messaging.sender import verify_sender
from qipan.messaging.wire import BROKER_GONE, Outgoing, Wire
from qipan.testing import Broker

SECRET = "of this test"
PLAN = Plan(
    ("sandun", "wenxin"),
    (
        AddedService("floodwatch", "sandun", ("reading.observed.v1",)),
        AddedService("crowdwatch", "wenxin", ("reading.observed.v1",)),
    ),
)
TYPE = "report.triaged.v1"
THEIRS = f"wenxin.{TYPE}"
OURS = f"sandun.{TYPE}"
REFUSED = (AccessRefused, PreconditionFailed)
UNREADABLE_REFUSAL = UnicodeDecodeError
"""The broker quotes the refused key; of one that is not text the client library cannot read the refusal."""


@dataclass
class Ground:
    """Both tenants have arrived: each has a dispatch of its own and an instance that hears answers."""

    broker: Broker
    closing: list[Callable[[], None]] = field(default_factory=list)

    def url(self, user: str) -> str:
        return user_url(self.broker.url, user, SECRET)

    def wire(self, user: str) -> Wire:
        wire = Wire(self.url(user), "test")
        self.closing.append(wire.close)
        return wire

    def publish(self, exchange: str, key: str, user: str = "sandun", **properties: Any) -> Fate:
        """Publish with a confirm; raises what the broker refuses with."""
        publisher = Publisher(self.url(user), "test")
        try:
            return publisher.publish_all([Outgoing(exchange, key, b"{}", {"message_id": "m", **properties})])[
                0
            ]
        finally:
            publisher.close()

    def close(self) -> None:
        while self.closing:
            self.closing.pop()()

    def depth(self, queue: str) -> int:
        return int(self.wire("core").channel.queue_declare(queue, passive=True).message_count)

    def take(self, queue: str) -> list[Any]:
        channel = self.wire("core").channel
        taken = []
        while (message := channel.basic_get(queue, no_ack=True)) is not None:
            taken.append(message)
        return taken


@pytest.fixture(scope="module")
def ground(broker_node: EmbeddedBroker) -> Iterator[Ground]:
    vhost = f"attacked-{new_id()}"
    broker = Broker(broker_node.create_vhost(vhost), vhost, broker_node.admin_url, broker_node)
    apply(broker.admin_url, definitions(PLAN, SECRET, vhost=broker.vhost))
    ground = Ground(broker)
    yield ground
    ground.close()
    broker_node.delete_vhost(vhost)


@pytest.fixture(autouse=True)
def both_have_arrived(ground: Ground) -> Iterator[None]:
    """For each test again: call and reply queues vanish when nobody uses them."""
    for tenant in PLAN.tenants:
        for given in (
            topology.taken_over_events("dispatch", tenant),
            topology.taken_over_calls("dispatch", tenant),
            topology.tenant_replies(tenant, "i-1"),
        ):
            topology.declare(ground.wire("core").channel, given)
    yield
    ground.close()


Attack = Callable[[Ground], object]


def publishes(exchange: str, key: Any, **properties: Any) -> Attack:
    return lambda ground: ground.publish(exchange, key, **properties)


def does(act: Callable[[Any], object]) -> Attack:
    return lambda ground: act(ground.wire("sandun").channel)


ATTACKS: dict[str, Attack] = {
    "tell an event as the neighbour": publishes("events", THEIRS),
    "tell an event as a tenant whose name begins alike": publishes("events", f"sandun-x.{TYPE}"),
    "tell an event as nobody": publishes("events", TYPE),
    "tell an event under a key that is not text": publishes("events", b"sandun.\xff\xfe"),
    "have the core read a key that is not text": publishes("wait.dispatch.500", b"sandun.\xff\xfe"),
    "have the core read a tenant that fills the key": publishes("wait.dispatch.500", f"sandun~{'a' * 200}.x"),
    "tell an event as nobody in particular": publishes("events", "sandun."),
    "end a key with a line": publishes("events", f"{OURS}\n"),
    "answer for the neighbour": publishes("replies", "wenxin.i-1"),
    "call dispatch in the neighbour's name": publishes("calls.dispatch", "wenxin.case.close.v1"),
    "arrive in the neighbour's name": publishes("calls.steward", "wenxin.tenant.arrive.v1"),
    "call a service that only the neighbour has": publishes("calls.crowdwatch", "sandun.crowd.ask.v1"),
    "have the neighbour get something later": publishes("wait.dispatch.500", THEIRS),
    "bury something in the neighbour's name": publishes("dead", "wenxin.dispatch"),
    "forge through the core's fanout of events": publishes("inbox.dispatch.core", THEIRS),
    "forge through the core's fanout of calls": publishes("calls.dispatch.core", THEIRS),
    "publish straight to an inbox": publishes("inbox.dispatch", THEIRS),
    "publish straight to an inbox in its own name": publishes("inbox.dispatch", OURS),
    "reach the neighbour's queue by the default exchange": publishes("", "dispatch@wenxin"),
    "reach the core's queue by the default exchange": publishes("", "dispatch.core"),
    "publish to an exchange that every broker has": publishes("amq.topic", THEIRS),
    "claim to be the core": publishes("events", OURS, user_id="core"),
    "claim to be the neighbour": publishes("events", OURS, user_id="wenxin"),
    "consume the neighbour's events": does(lambda c: c.basic_consume("dispatch@wenxin")),
    "take one of the neighbour's events": does(lambda c: c.basic_get("dispatch@wenxin")),
    "consume the neighbour's calls": does(lambda c: c.basic_consume("calls.dispatch@wenxin")),
    "consume the neighbour's answers": does(lambda c: c.basic_consume("replies@wenxin.i-1")),
    "consume the core's events": does(lambda c: c.basic_consume("dispatch.core")),
    "consume what waits": does(lambda c: c.basic_consume("dispatch.wait.60000")),
    "consume the dead letters": does(lambda c: c.basic_consume("dead")),
    "purge the neighbour's queue": does(lambda c: c.queue_purge("dispatch@wenxin")),
    "purge the core's queue": does(lambda c: c.queue_purge("dispatch.core")),
    "delete the neighbour's queue": does(lambda c: c.queue_delete("dispatch@wenxin")),
    "delete its own queue": does(lambda c: c.queue_delete("dispatch@sandun")),
    "delete the exchange of events": does(lambda c: c.exchange_delete("events")),
    "declare a queue to listen with": does(lambda c: c.queue_declare("", exclusive=True)),
    "declare a queue in the neighbour's name": does(lambda c: c.queue_declare("spy@wenxin")),
    "declare a queue that launders a foreign key": does(
        lambda c: c.queue_declare(
            "launder@sandun",
            arguments={
                "x-message-ttl": 0,
                "x-dead-letter-exchange": "events",
                "x-dead-letter-routing-key": THEIRS,
            },
        )
    ),
    "declare an exchange": does(lambda c: c.exchange_declare("spy", "fanout")),
    "bind its own queue to everybody's events": does(
        lambda c: c.queue_bind("dispatch@sandun", "events", "#")
    ),
    "bind its own queue to the neighbour's inbox": does(
        lambda c: c.queue_bind("dispatch@sandun", "inbox.dispatch", "wenxin.#")
    ),
    "bind its own queue to everybody's answers": does(
        lambda c: c.queue_bind("dispatch@sandun", "replies", "#")
    ),
    "bind an exchange to an exchange": does(lambda c: c.exchange_bind("replies", "events", "#")),
    "bind the calls to the events": does(lambda c: c.exchange_bind("calls.dispatch", "events", "#")),
    "unbind the neighbour's queue": does(
        lambda c: c.queue_unbind("dispatch@wenxin", "inbox.dispatch", "wenxin.#")
    ),
    "unbind the core's subscription": does(
        lambda c: c.exchange_unbind("inbox.dispatch", "events", f"*.{TYPE}")
    ),
}


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
def test_the_broker_refuses(ground: Ground, attack: Attack) -> None:
    watched = ("dispatch@wenxin", "dispatch.core", "dead")
    assert ground.publish("events", THEIRS, "core") is Fate.CONFIRMED
    before = [ground.depth(queue) for queue in watched]
    with pytest.raises((*REFUSED, UNREADABLE_REFUSAL)):
        attack(ground)
    assert [ground.depth(queue) for queue in watched] == before
    assert ground.publish("events", THEIRS, "core") is Fate.CONFIRMED
    assert [m.delivery_info["routing_key"] for m in ground.take("dispatch@wenxin")] == [THEIRS] * (
        before[0] + 1
    )


def test_a_tenants_user_cannot_use_the_management_api(ground: Ground) -> None:
    host = ground.broker.admin_url.rpartition("@")[2]
    signed = urllib.request.HTTPPasswordMgrWithPriorAuth()
    password = ground.url("sandun").partition("://sandun:")[2].partition("@")[0]
    signed.add_password(None, f"http://{host}/", "sandun", password, is_authenticated=True)
    opener = urllib.request.build_opener(urllib.request.HTTPBasicAuthHandler(signed))
    with pytest.raises(urllib.error.HTTPError) as refused:
        opener.open(f"http://{host}/api/definitions", timeout=10)
    assert refused.value.code in (401, 403)


def test_a_wrong_secret_opens_nothing(ground: Ground) -> None:
    with pytest.raises(BROKER_GONE):
        Wire(user_url(ground.broker.url, "sandun", "another secret"), "test")


def test_what_a_tenant_needs_it_may_do(ground: Ground) -> None:
    """The control for the refusals: the rights are narrow, not absent."""
    for exchange, key in (
        ("events", OURS),
        ("events", f"sandun~ex7.{TYPE}"),
        ("replies", "sandun.i-1"),
        ("wait.dispatch.500", OURS),
        ("dead", "sandun.dispatch"),
        ("calls.dispatch", "sandun.case.get.v1"),
    ):
        assert ground.publish(exchange, key) is Fate.CONFIRMED, exchange
    wire = ground.wire("sandun")
    for queue in ("dispatch@sandun", "floodwatch@sandun"):
        assert wire.consume(queue, lambda delivery: None)
    assert wire.consume("amq.rabbitmq.reply-to", lambda delivery: None, no_ack=True)
    for queue in ("calls.dispatch@sandun", "replies@sandun.i-1"):
        assert wire.channel.basic_get(queue) is not None


@pytest.mark.parametrize("header", ["CC", "BCC"])
def test_what_further_keys_smuggle_past_the_broker_the_consumer_refuses(ground: Ground, header: str) -> None:
    """Measured: the broker does not check the keys in `CC` and `BCC`. The control is that it does arrive."""
    ground.take("dispatch@wenxin")
    assert ground.publish("events", OURS, application_headers={header: [THEIRS]}) is Fate.CONFIRMED
    (smuggled,) = ground.take("dispatch@wenxin")
    key, user = smuggled.delivery_info["routing_key"], smuggled.properties["user_id"]
    for claimed in ("wenxin", "sandun"):
        assert verify_sender(key, user, claimed, "wenxin", "core") is not None
    assert verify_sender(key, user, "wenxin", None, "core") is not None


def test_what_further_keys_smuggle_through_a_wait_the_consumer_refuses(ground: Ground) -> None:
    ground.take("dispatch@wenxin")
    ground.publish("wait.dispatch.500", OURS, application_headers={"CC": [THEIRS]})
    wire = ground.wire("core")
    arrived: list[Any] = []
    wire.consume("dispatch@wenxin", arrived.append)
    while not arrived:
        assert wire.drain(30.0), "it did not come"
    (smuggled,) = arrived
    assert verify_sender(smuggled.key, smuggled.properties["user_id"], "wenxin", "wenxin", "core") is not None


def test_every_single_topic_permission_is_needed(ground: Ground) -> None:
    """With the permission on one exchange left out, the neighbour's key is open there."""
    whole = definitions(PLAN, SECRET, vhost=ground.broker.vhost)
    ours = [each for each in whole["topic_permissions"] if each["user"] == "sandun"]
    for left_out in PLAN.writable("sandun"):
        clear_topic_permissions(ground.broker, "sandun")
        apply(ground.broker.admin_url, {"topic_permissions": [e for e in ours if e["exchange"] != left_out]})
        assert ground.publish(left_out, f"wenxin.{TYPE}") in (Fate.CONFIRMED, Fate.RETURNED), left_out
    apply(ground.broker.admin_url, whole)
    for exchange in PLAN.writable("sandun"):
        with pytest.raises(AccessRefused):
            ground.publish(exchange, f"wenxin.{TYPE}")


def clear_topic_permissions(broker: Broker, user: str) -> None:
    broker.node.admin("DELETE", f"/api/topic-permissions/{quote(broker.vhost, safe='')}/{user}")


def test_definitions_leave_no_topic_exchange_open_to_anyone() -> None:
    whole = json.loads(json.dumps(definitions(PLAN, SECRET)))
    topics = {each["name"] for each in whole["exchanges"] if each["type"] == "topic"}
    for tenant in PLAN.tenants:
        closed = {each["exchange"] for each in whole["topic_permissions"] if each["user"] == tenant}
        assert closed == topics
