"""Which processes a district needs. Pure."""

from collections.abc import Iterator

from qipan.contracts.subscriptions import CORE_SERVICES
from qipan.hosting.port import HTTP_SERVICES, ProcessSpec, Refused
from qipan.tenancy import District
from qipan.tenancy.tenant import base_of

STEWARD = "steward"
_SCHEMA = {"door": "intake", "gateway": "gateway", STEWARD: STEWARD, **{name: name for name in CORE_SERVICES}}
HTTP_PHASE, CORE_PHASE = 0, 2
"""Of `phase_of`: door and gateway, and the core's services that they call."""

MOST_REPLICAS = 32
"""More than this of one service on one machine is a slip of the finger."""


def plan(district: District) -> tuple[ProcessSpec, ...]:
    """One process for each part of the core, then the services that tenants run themselves."""
    core = (STEWARD, *CORE_SERVICES, *HTTP_SERVICES)
    return (*(spec_of(district, service, None) for service in core), *_own(district))


def spec_of(district: District, service: str, tenant: str | None, number: int = 1) -> ProcessSpec:
    """The process for a replica of a service; Refused when the district has no such thing."""
    if tenant is None:
        if service not in _SCHEMA:
            raise Refused(f"There is no core service {service!r}; there are {', '.join(sorted(_SCHEMA))}.")
        return ProcessSpec(service, None, number, _SCHEMA[service])
    base = base_of(tenant)
    if base not in district.tenants:
        raise Refused(f"There is no tenant {tenant!r} in {district.id}.")
    own = [spec for spec in district.services if spec.tenant == base]
    if service not in CORE_SERVICES and all(spec.service != service for spec in own):
        possible = sorted({*CORE_SERVICES, *(spec.service for spec in own)})
        raise Refused(f"{base} can run {', '.join(possible)} itself; {service!r} is none of these.")
    # Whoever replaces a core service works on the core's tables; an added service has none of the core's.
    return ProcessSpec(service, tenant, number, service if service in CORE_SERVICES else None)


def has(district: District, spec: ProcessSpec) -> bool:
    """Whether the district has what a process is of."""
    try:
        spec_of(district, spec.service, spec.tenant)
    except Refused:
        return False
    return True


def check_replicas(service: str, tenant: str | None, replicas: int) -> None:
    """Refused when a service cannot run that often."""
    if not 0 <= replicas <= MOST_REPLICAS:
        raise Refused(f"Replicas must be 0 to {MOST_REPLICAS}.")
    if tenant is None and service in HTTP_SERVICES and replicas > 1:
        raise Refused(f"The {service} has one address and so one process; put more behind an ingress.")


def phase_of(spec: ProcessSpec) -> int:
    """When it is stopped: what takes requests first, then tenants' services, the core, the steward last.

    Started in the opposite order, each finds what it needs.
    """
    if spec.service in HTTP_SERVICES:
        return HTTP_PHASE
    if spec.tenant is not None:
        return 1
    return 3 if spec.service == STEWARD else CORE_PHASE


def _own(district: District) -> Iterator[ProcessSpec]:
    for own in district.services:
        for number in range(1, own.replicas + 1):
            yield spec_of(district, own.service, own.tenant, number)
