"""The broker's shape as data: every rule that a message's safety rests on, checked on the declarations."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qipan.contracts.subscriptions import CORE_SERVICES, SUBSCRIPTIONS
from qipan.messaging import topology
from qipan.messaging.declaration import Binding, Declaration, Exchange, Queue, declare

CORE = topology.core_declarations()
ADDED = topology.added_service("floodwatch", "sandun", ["reading.observed.v1"])
TAKEN_OVER = topology.taken_over_events("dispatch", "sandun") + topology.taken_over_calls(
    "dispatch", "sandun"
)
REPLIES = topology.tenant_replies("sandun", "i-1")
CALLED = topology.core_call_queue("dispatch") + topology.core_reply_queue("r-1")
EVERYTHING = CORE + ADDED + TAKEN_OVER + REPLIES + CALLED


def queues(declarations: tuple[Declaration, ...]) -> dict[str, Queue]:
    return {each.name: each for each in declarations if isinstance(each, Queue)}


def exchanges(declarations: tuple[Declaration, ...]) -> dict[str, Exchange]:
    return {each.name: each for each in declarations if isinstance(each, Exchange)}


def bindings(declarations: tuple[Declaration, ...]) -> set[Binding]:
    return {each for each in declarations if isinstance(each, Binding)}


def test_every_subscription_of_the_contracts_is_bound() -> None:
    for service in CORE_SERVICES:
        for event in SUBSCRIPTIONS[service]:
            assert Binding("events", f"inbox.{service}", f"*.{event.type}", to_exchange=True) in bindings(
                CORE
            )


def test_what_no_tenant_takes_goes_to_the_core() -> None:
    for service in CORE_SERVICES:
        assert exchanges(CORE)[f"inbox.{service}"].alternate == f"inbox.{service}.core"
        assert Binding(f"inbox.{service}.core", f"{service}.core", "") in bindings(CORE)


def test_an_added_service_has_no_core_to_fall_back_to_but_holds_its_events() -> None:
    assert exchanges(ADDED)["inbox.floodwatch"].alternate is None
    assert Binding("inbox.floodwatch", "floodwatch@sandun", "sandun.#") in bindings(ADDED)
    assert Binding("events", "inbox.floodwatch", "sandun.reading.observed.v1", to_exchange=True) in bindings(
        ADDED
    )


@pytest.mark.parametrize("queue", queues(EVERYTHING).values(), ids=lambda queue: queue.name)
def test_every_queue_is_bounded_and_says_its_type_and_what_happens_when_it_is_full(queue: Queue) -> None:
    assert queue.arguments["x-queue-type"] in ("quorum", "classic")
    assert {"x-max-length", "x-max-length-bytes"} & set(queue.arguments)
    assert queue.arguments["x-overflow"] in ("reject-publish", "drop-head")


@pytest.mark.parametrize(
    "queue",
    [q for q in queues(EVERYTHING).values() if q.arguments["x-queue-type"] == "quorum" and q.name != "dead"],
    ids=lambda queue: queue.name,
)
def test_every_quorum_queue_names_a_high_delivery_limit_and_a_dead_letter_exchange(queue: Queue) -> None:
    assert int(queue.arguments["x-delivery-limit"]) >= 100
    assert queue.arguments["x-dead-letter-exchange"] in exchanges(EVERYTHING)
    assert "x-dead-letter-routing-key" not in queue.arguments


def test_no_event_or_call_queue_has_a_time_to_live() -> None:
    for queue in queues(EVERYTHING).values():
        assert ("x-message-ttl" in queue.arguments) == (".wait." in queue.name)


def test_calls_and_replies_never_dead_letter() -> None:
    for queue in queues(TAKEN_OVER + REPLIES + CALLED).values():
        if queue.auto_delete:
            assert "x-dead-letter-exchange" not in queue.arguments


def test_every_binding_joins_things_that_are_declared() -> None:
    for binding in bindings(EVERYTHING):
        assert binding.source in exchanges(EVERYTHING)
        assert binding.destination in (exchanges(EVERYTHING) if binding.to_exchange else queues(EVERYTHING))


def test_a_waiting_message_comes_back_to_its_services_inbox_under_its_own_key() -> None:
    for delay in topology.WAITS_MS:
        queue = queues(CORE)[f"dispatch.wait.{delay}"]
        assert queue.arguments["x-message-ttl"] == delay
        assert queue.arguments["x-dead-letter-exchange"] == "inbox.dispatch"
        assert queue.arguments["x-dead-letter-strategy"] == "at-least-once"
        assert queue.arguments["x-overflow"] == "reject-publish"


def test_one_name_never_has_two_shapes() -> None:
    for found in (exchanges, queues):
        for name, shape in found(EVERYTHING).items():
            assert all(
                each == shape for each in EVERYTHING if type(each) is type(shape) and each.name == name
            )


def test_declaring_writes_exactly_what_is_declared() -> None:
    channel = RecordingChannel()
    declare(channel, ADDED)
    assert channel.seen == len(ADDED)
    assert channel.queues["floodwatch@sandun"]["x-overflow"] == "drop-head"


@given(tenant=st.from_regex(topology.TENANT, fullmatch=True))
def test_a_key_gives_back_its_tenant(tenant: str) -> None:
    routing_key = topology.key(tenant, "case.filed.v1")
    assert topology.tenant_of(routing_key) == tenant
    assert "~" not in topology.base_tenant(tenant)


class RecordingChannel:
    """Counts what is declared."""

    def __init__(self) -> None:
        self.seen = 0
        self.queues: dict[str, dict[str, object]] = {}

    def exchange_declare(
        self, exchange: str, type: str, durable: bool, auto_delete: bool, arguments: object
    ) -> None:
        self.seen += 1

    def queue_declare(
        self, queue: str, durable: bool, exclusive: bool, auto_delete: bool, arguments: dict[str, object]
    ) -> None:
        self.seen += 1
        self.queues[queue] = arguments

    def queue_bind(self, queue: str, exchange: str, routing_key: str) -> None:
        self.seen += 1

    def exchange_bind(self, destination: str, source: str, routing_key: str) -> None:
        self.seen += 1
