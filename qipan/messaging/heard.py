"""Who must hear an event: the contracts' subscription table and what tenants' own services add to it."""

from collections.abc import Callable, Iterable

from qipan.contracts.subscriptions import SUBSCRIPTIONS
from qipan.messaging import topology
from qipan.messaging.declaration import Declaration
from qipan.tenancy import ServiceSpec


def subscribed(services: Iterable[ServiceSpec]) -> Callable[[str], bool]:
    """A function that tells, by routing key, whether any service subscribes to an event."""
    core = frozenset(event.type for events in SUBSCRIPTIONS.values() for event in events)
    own = frozenset(
        topology.key(spec.tenant, type) for spec in services for type in spec.subscribes if not spec.replaces
    )

    def asks(key: str) -> bool:
        return key in own or key.partition(".")[2] in core

    return asks


def declarations(services: Iterable[ServiceSpec], waits_ms: tuple[int, ...]) -> tuple[Declaration, ...]:
    """What must stand on the broker before the first event is published, so that no subscriber is missed."""
    found = list(topology.core_declarations(waits_ms=waits_ms))
    for spec in services:
        if spec.replaces is None:
            found += topology.added_service(spec.service, spec.tenant, spec.subscribes, waits_ms)
    return tuple(found)
