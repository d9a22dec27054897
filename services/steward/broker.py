"""What the steward does on the broker: give a tenant its queues, take them back, hand on what is left."""

from dataclasses import dataclass

from amqp.exceptions import NotFound

from qipan.ids import new_id
from qipan.messaging import topology
from qipan.messaging.declaration import Binding
from qipan.messaging.headers import carried_on
from qipan.messaging.publisher import Fate, Publisher
from qipan.messaging.wire import Delivery, Outgoing
from services.steward.link import Link

AT_ONCE = 200

SILENCE_SECONDS = 0.2
"""When the broker sends nothing for this long, somebody else has taken what was there."""


@dataclass(frozen=True)
class Remainder:
    """What was moved out of a queue, and what the broker says is still there.

    `left` may lag: messages that were just given back are counted a moment later.
    """

    moved: int
    left: int
    consumers: int


class Broker:
    """The steward's hands. Every method is idempotent and raises `BROKER_GONE`."""

    def __init__(self, link: Link, waits_ms: tuple[int, ...] = topology.WAITS_MS) -> None:
        self._link = link
        self._waits_ms = waits_ms

    def give(self, tenant: str, service: str, *, added: bool, events: tuple[str, ...], heard: bool) -> None:
        """Give the tenant's instances its calls and, when it `heard` events, those too.

        `events` are the types beyond the core's subscription. Calls are routed to them only once somebody takes
        calls there: a call does not wait for a process that is still starting, the core serves it.
        """
        calls = topology.tenant_call_queue(service, tenant)
        wanted = list(topology.tenant_calls(service, tenant))
        if added:
            wanted = [*topology.added_service(service, tenant, events, self._waits_ms), *wanted]
        elif heard:
            wanted += [*topology.taken_over_events(service, tenant), *_extra(tenant, service, events)]
        with self._link.open() as publisher:
            channel = publisher.wire.channel
            topology.declare(channel, wanted)
            if channel.queue_declare(calls, passive=True).consumer_count:
                topology.declare(channel, topology.taken_over_calls(service, tenant))

    def give_replies(self, tenant: str, instance: str) -> None:
        """Give an instance the queue in which it hears answers."""
        with self._link.open() as publisher:
            topology.declare(publisher.wire.channel, topology.tenant_replies(tenant, instance))

    def take_back(self, tenant: str, service: str, *, added: bool, events: tuple[str, ...]) -> None:
        """New traffic goes to the core. An added service keeps its event queue, which holds what comes."""
        calls, events_queue = (
            topology.tenant_call_queue(service, tenant),
            topology.tenant_queue(service, tenant),
        )
        self._unbind(calls, topology.calls(service), f"{tenant}.#")
        if added:
            return
        self._unbind(events_queue, topology.inbox(service), f"{tenant}.#")
        self.unhear(tenant, service, events)

    def unhear(self, tenant: str, service: str, events: tuple[str, ...]) -> None:
        """Let the tenant's service hear these types beyond the core's subscription no longer."""
        with self._link.open() as publisher:
            for binding in _extra(tenant, service, events):
                publisher.wire.channel.exchange_unbind(binding.destination, binding.source, binding.key)

    def hand_back_events(self, tenant: str, service: str, most: int) -> Remainder:
        """Move up to `most` of a tenant's unbound events to the core."""
        return self._hand_back(topology.tenant_queue(service, tenant), topology.inbox(service), most)

    def hand_back_calls(self, tenant: str, service: str) -> Remainder:
        """Move a tenant's waiting calls to the core, which checks their deadlines."""
        queue = topology.tenant_call_queue(service, tenant)
        return self._hand_back(queue, topology.calls(service), topology.CALL_QUEUE_MESSAGES)

    def delete(self, tenant: str, service: str) -> None:
        """Delete a tenant's event queue."""
        with self._link.open() as publisher:
            publisher.wire.channel.queue_delete(topology.tenant_queue(service, tenant))

    def has_queue(self, tenant: str, service: str) -> bool:
        """Whether the tenant's event queue is there."""
        try:
            with self._link.open() as publisher:
                publisher.wire.channel.queue_declare(topology.tenant_queue(service, tenant), passive=True)
        except NotFound:
            return False
        return True

    def consumers(self, queue: str) -> int:
        """How many consume a queue; 0 when there is no such queue."""
        try:
            with self._link.open() as publisher:
                return int(publisher.wire.channel.queue_declare(queue, passive=True).consumer_count)
        except NotFound:
            return 0

    def close(self) -> None:
        """Close the connection."""
        self._link.close()

    def _unbind(self, queue: str, exchange: str, key: str) -> None:
        try:
            with self._link.open() as publisher:
                publisher.wire.channel.queue_unbind(queue, exchange, key)
        except NotFound:
            return  # a queue that is gone is bound to nothing

    def _hand_back(self, queue: str, exchange: str, most: int) -> Remainder:
        moved = 0
        try:
            with self._link.open() as publisher:
                channel = publisher.wire.channel
                wanted = min(most, int(channel.queue_declare(queue, passive=True).message_count))
                if wanted:
                    moved = _move_from(publisher, queue, exchange, wanted)
                state = channel.queue_declare(queue, passive=True)
        except NotFound:
            return Remainder(moved, 0, 0)
        return Remainder(moved, int(state.message_count), int(state.consumer_count))


def _extra(tenant: str, service: str, events: tuple[str, ...]) -> tuple[Binding, ...]:
    """Bindings for event types that only the tenant's own version of a core service hears."""
    return tuple(
        Binding(topology.EVENTS, topology.inbox(service), topology.key(tenant, type), to_exchange=True)
        for type in events
    )


def _move_from(publisher: Publisher, queue: str, exchange: str, wanted: int) -> int:
    """Move `wanted` messages, fewer when the core refuses one or somebody else takes some; returns how many."""
    wire, taken, moved = publisher.wire, list[Delivery](), 0
    wire.channel.basic_qos(0, AT_ONCE, False)
    tag = wire.consume(queue, taken.append)
    while moved < wanted:
        while len(taken) < min(AT_ONCE, wanted - moved) and wire.drain(SILENCE_SECONDS):
            pass
        batch, taken[:] = taken[: wanted - moved], taken[wanted - moved :]
        went = _move(publisher, exchange, batch)
        moved += went
        if went < len(batch) or not batch:
            break
    wire.cancel(tag)
    for delivery in taken:
        wire.channel.basic_reject(delivery.tag, requeue=True)
    return moved


def _move(publisher: Publisher, exchange: str, taken: list[Delivery]) -> int:
    """Publish again under the same key, id and sender; only what the broker confirmed is acked."""
    fates = publisher.publish_all([_again(delivery, exchange) for delivery in taken])
    moved = 0
    for delivery, fate in zip(taken, fates, strict=True):
        if fate is Fate.CONFIRMED:
            publisher.wire.ack(delivery.tag)
            moved += 1
        else:
            publisher.wire.channel.basic_reject(delivery.tag, requeue=True)
    return moved


def _again(delivery: Delivery, exchange: str) -> Outgoing:
    properties = {**delivery.properties, "application_headers": carried_on(delivery.headers)}
    # The publisher tells by the id which message came back; one without an id must not get lost either.
    properties.setdefault("message_id", new_id())
    return Outgoing(exchange, delivery.key, delivery.body, properties)
