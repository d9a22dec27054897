"""Every name on the broker, and what is declared there, as plain data.

The first word of every routing key is the tenant addressed. docs/reference/topology.md explains the shape and
which behaviour of the broker each argument rests on.
"""

import re
from collections.abc import Mapping, Sequence

from qipan.contracts.subscriptions import SUBSCRIPTIONS
from qipan.messaging.declaration import Arguments, Binding, Declaration, Exchange, Queue
from qipan.messaging.declaration import declare as declare

EVENTS = "events"
REPLIES = "replies"
DEAD = "dead"

WAITS_MS = (500, 2_000, 10_000, 60_000)
"""The delays before another attempt, in milliseconds, growing."""

DELIVERY_LIMIT = 100
"""After so many deliveries without an ack a quorum queue dead-letters.

High, because a consumer's crash counts for every message that it had prefetched.
"""

MIB = 1024 * 1024
CORE_QUEUE_BYTES = 1024 * MIB
TENANT_QUEUE_BYTES = 256 * MIB
WAIT_QUEUE_BYTES = 256 * MIB
DEAD_QUEUE_BYTES = 512 * MIB
CALL_QUEUE_MESSAGES = 10_000

UNUSED_MS = 10_000
"""An auto-delete queue that nobody consumes is gone after this long, even if nobody ever consumed it."""

SERVICE = re.compile(r"[a-z][a-z0-9-]{0,30}")
TENANT = re.compile(r"[a-z][a-z0-9-]{1,30}(~[a-z0-9-]{1,20})?")
INSTANCE = re.compile(r"[A-Za-z0-9-]{1,64}")


def key(tenant: str, type: str) -> str:
    """The routing key of a message of this type for this tenant."""
    return f"{tenant}.{type}"


def tenant_of(routing_key: str) -> str:
    """The tenant that a routing key addresses."""
    return routing_key.split(".", 1)[0]


def base_tenant(tenant: str) -> str:
    """The tenant whose shadow this is, or the tenant itself; it is also the name of its broker user."""
    return tenant.split("~", 1)[0]


def inbox(service: str) -> str:
    """The exchange through which a service's events come."""
    return f"inbox.{service}"


def inbox_core(service: str) -> str:
    """Where events go whose tenant has no queue of its own."""
    return f"inbox.{service}.core"


def core_queue(service: str) -> str:
    """The core's event queue of a service."""
    return f"{service}.core"


def tenant_queue(service: str, tenant: str) -> str:
    """The event queue of a tenant's own instances of a service."""
    return f"{service}@{tenant}"


def calls(service: str) -> str:
    """The exchange through which a service is called."""
    return f"calls.{service}"


def calls_core(service: str) -> str:
    """Where calls go whose tenant does not serve itself; the core's call queue has the same name."""
    return f"calls.{service}.core"


def tenant_call_queue(service: str, tenant: str) -> str:
    """The call queue of a tenant's own instances of a service."""
    return f"calls.{service}@{tenant}"


def reply_queue(tenant: str, instance: str) -> str:
    """The queue in which a tenant's instance hears the answers to its own calls."""
    return f"replies@{tenant}.{instance}"


def wait_exchange(service: str, delay_ms: int) -> str:
    """Publish here, with the original key, what a service shall get again after the delay."""
    return f"wait.{service}.{delay_ms}"


def wait_queue(service: str, delay_ms: int) -> str:
    """Where messages sit out the delay."""
    return f"{service}.wait.{delay_ms}"


def dead_key(tenant: str, service: str) -> str:
    """The routing key of a dead letter on the exchange `dead`."""
    return f"{tenant}.{service}"


def core_subscriptions() -> dict[str, tuple[str, ...]]:
    """The contracts' subscription table as service → event types."""
    return {service: tuple(event.type for event in events) for service, events in SUBSCRIPTIONS.items()}


def core_declarations(
    subscriptions: Mapping[str, Sequence[str]] | None = None,
    called: Sequence[str] = ("steward",),
    waits_ms: Sequence[int] = WAITS_MS,
) -> tuple[Declaration, ...]:
    """What outlives processes for the core: declared before the first publish, so no subscriber is missed.

    `subscriptions` is service → event types (default: the contracts' table); `called` names services that are
    only called.
    """
    table = core_subscriptions() if subscriptions is None else subscriptions
    found: list[Declaration] = [Exchange(EVENTS), Exchange(REPLIES), *_dead()]
    for service, types in table.items():
        found += [
            Exchange(inbox_core(service), "fanout"),
            Exchange(inbox(service), alternate=inbox_core(service)),
            Queue(core_queue(service), _event_queue(CORE_QUEUE_BYTES)),
            Binding(inbox_core(service), core_queue(service), ""),
            *(Binding(EVENTS, inbox(service), f"*.{type}", to_exchange=True) for type in types),
            *_waits(service, waits_ms),
        ]
    for service in (*table, *called):
        found += [
            Exchange(calls_core(service), "fanout"),
            Exchange(calls(service), alternate=calls_core(service)),
        ]
    return tuple(found)


def core_call_queue(service: str) -> tuple[Declaration, ...]:
    """What a core instance declares in order to be called; the queue goes with the last instance."""
    name = calls_core(service)
    return Queue(name, _CALL_QUEUE, auto_delete=True), Binding(name, name, "")


def core_reply_queue(reply_id: str) -> tuple[Declaration, ...]:
    """What a core caller declares in order to hear answers, whichever tenant gives them."""
    name = f"replies.{reply_id}"
    return Queue(name, _CALL_QUEUE, auto_delete=True), Binding(REPLIES, name, f"*.{reply_id}")


def added_service(
    service: str, tenant: str, events: Sequence[str], waits_ms: Sequence[int] = WAITS_MS
) -> tuple[Declaration, ...]:
    """What outlives processes for a service which a tenant adds (the core has none of that name).

    Its event queue is its holding queue too: bound from provisioning on, so that nothing is lost while it
    is away. A full one must not hold up the district: it lets go of its oldest to the dead letters.
    """
    queue = tenant_queue(service, tenant)
    return (
        Exchange(EVENTS),
        Exchange(REPLIES),
        *_dead(),
        Exchange(inbox(service)),
        Exchange(calls(service)),
        Queue(queue, _holding_queue(TENANT_QUEUE_BYTES)),
        Binding(inbox(service), queue, f"{tenant}.#"),
        *(Binding(EVENTS, inbox(service), key(tenant, type), to_exchange=True) for type in events),
        *_waits(service, waits_ms),
    )


def taken_over_events(service: str, tenant: str) -> tuple[Declaration, ...]:
    """What gives the tenant's own instances of a core service the tenant's events."""
    queue = tenant_queue(service, tenant)
    return Queue(queue, _event_queue(TENANT_QUEUE_BYTES)), Binding(inbox(service), queue, f"{tenant}.#")


def tenant_calls(service: str, tenant: str) -> tuple[Declaration, ...]:
    """The queue that the tenant's own instances of a service take calls from; nothing is routed there yet."""
    return (Queue(tenant_call_queue(service, tenant), _CALL_QUEUE, auto_delete=True),)


def taken_over_calls(service: str, tenant: str) -> tuple[Declaration, ...]:
    """What gives the tenant's own instances of a service, once they take calls, the tenant's calls."""
    binding = Binding(calls(service), tenant_call_queue(service, tenant), f"{tenant}.#")
    return *tenant_calls(service, tenant), binding


def tenant_replies(tenant: str, instance: str) -> tuple[Declaration, ...]:
    """The reply queue of a tenant's instance; its reply id is the instance."""
    queue = reply_queue(tenant, instance)
    return Queue(queue, _CALL_QUEUE, auto_delete=True), Binding(REPLIES, queue, key(tenant, instance))


def _event_queue(bytes_: int) -> Arguments:
    """Full means refused: the relay keeps in its outbox what it could not hand over."""
    return {
        "x-queue-type": "quorum",
        "x-max-length-bytes": bytes_,
        "x-overflow": "reject-publish",
        "x-delivery-limit": DELIVERY_LIMIT,
        "x-dead-letter-exchange": DEAD,
        "x-dead-letter-strategy": "at-least-once",
    }


def _holding_queue(bytes_: int) -> Arguments:
    """Full means that the oldest become dead letters."""
    return {
        "x-queue-type": "quorum",
        "x-max-length-bytes": bytes_,
        "x-overflow": "drop-head",
        "x-delivery-limit": DELIVERY_LIMIT,
        "x-dead-letter-exchange": DEAD,
    }


_CALL_QUEUE: Arguments = {
    "x-queue-type": "classic",
    "x-expires": UNUSED_MS,
    "x-max-length": CALL_QUEUE_MESSAGES,
    "x-overflow": "reject-publish",
}


def _waits(service: str, waits_ms: Sequence[int]) -> tuple[Declaration, ...]:
    found: list[Declaration] = []
    for delay_ms in waits_ms:
        exchange, queue = wait_exchange(service, delay_ms), wait_queue(service, delay_ms)
        arguments: Arguments = {
            **_event_queue(WAIT_QUEUE_BYTES),
            "x-message-ttl": delay_ms,
            "x-dead-letter-exchange": inbox(service),
        }
        found += [Exchange(exchange), Queue(queue, arguments), Binding(exchange, queue, "#")]
    return tuple(found)


def _dead() -> tuple[Declaration, ...]:
    """The last resort has no further one: it never gives up a message, and refuses when it is full."""
    arguments: Arguments = {
        "x-queue-type": "quorum",
        "x-max-length-bytes": DEAD_QUEUE_BYTES,
        "x-overflow": "reject-publish",
        "x-delivery-limit": 1_000_000_000,
    }
    return Exchange(DEAD), Queue(DEAD, arguments), Binding(DEAD, DEAD, "#")
