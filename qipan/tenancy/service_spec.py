"""Services that tenants run themselves."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ServiceSpec:
    """One service of one tenant.

    `replaces` is the core service it takes over for the tenant, if any. `cls` is `path.py:Class` relative
    to the district's folder, or None: the core's own class, run for this tenant alone. `subscribes` are the
    event types that an own service hears; one that replaces hears what the core's hears.
    """

    tenant: str
    service: str
    replaces: str | None
    cls: str | None
    replicas: int
    subscribes: tuple[str, ...]
