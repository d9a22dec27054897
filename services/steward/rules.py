"""Who may arrive with what: checked before anything is declared."""

import re
from collections.abc import Iterable, Mapping, Sequence

from qipan.contracts.errors import Fault, Forbidden, Invalid
from qipan.messaging.topology import INSTANCE, SERVICE, base_tenant
from qipan.tenancy import ServiceSpec

EVENT_TYPE = re.compile(r"[a-z][a-z0-9-]*(\.[a-z0-9-]+)*\.v[1-9][0-9]*")


def check_names(service: str, instance: str, events: Iterable[str]) -> None:
    """Raise Invalid, listing every name that could not be a name on the broker (wildcards least of all)."""
    faults = [
        *_fault("serves", service, SERVICE),
        *_fault("instance", instance, INSTANCE),
        *(fault for event in events for fault in _fault("events", event, EVENT_TYPE)),
    ]
    if faults:
        raise Invalid("These names cannot be used on the broker.", faults=tuple(faults))


def is_added(service: str, tenant: str, core: Mapping[str, object], specs: Iterable[ServiceSpec]) -> bool:
    """Whether `service` is one that the tenant adds (True) or one of the core's (False).

    Forbidden when it is neither: only what a pack names was provisioned, with rights on its exchanges.
    """
    if service in core:
        return False
    if any(
        spec.service == service and spec.replaces is None and spec.tenant == base_tenant(tenant)
        for spec in specs
    ):
        return True
    raise Forbidden(f"The pack of {base_tenant(tenant)!r} names no service {service!r}.")


def extra_events(service: str, events: Sequence[str], core: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """The event types that a tenant's service hears beyond what the core's service of that name hears."""
    return tuple(sorted(set(events) - set(core.get(service, ()))))


def _fault(where: str, value: str, pattern: re.Pattern[str]) -> list[Fault]:
    if pattern.fullmatch(value):
        return []
    return [Fault(where=where, what=f"{value!r} is not a possible name", allowed=pattern.pattern)]
