"""The destinations outside that there are: mail servers, gateways, other systems, each with a name and a channel."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from services.notify.channel import Sends

EVERYBODY = "*"


@dataclass(frozen=True, slots=True)
class Outlet:
    """One destination. `personal`: it takes messages to persons, by their addresses; else it is itself the addressee.

    `rate`: messages a second at most; `tenants`: whose happenings may go there (`*`: everybody's).
    """

    name: str
    channel: str
    sends: Sends
    personal: bool = True
    rate: float | None = None
    tenants: frozenset[str] = frozenset({EVERYBODY})

    def takes(self, tenant: str) -> bool:
        """Whether happenings of this live tenant may go there."""
        return EVERYBODY in self.tenants or tenant in self.tenants


@dataclass(frozen=True)
class Outlets:
    """Every destination by its name, and the addresses that the operator's file gives: person → channel → address."""

    by_name: Mapping[str, Outlet] = field(default_factory=dict)
    addresses: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @classmethod
    def of(
        cls, outlets: Iterable[Outlet], addresses: Mapping[str, Mapping[str, str]] | None = None
    ) -> "Outlets":
        """These outlets."""
        return cls({outlet.name: outlet for outlet in outlets}, addresses or {})

    def __bool__(self) -> bool:
        return bool(self.by_name)

    def reaching(self, channel: str, tenant: str) -> Outlet | None:
        """The outlet by which persons of a live tenant are reached on a channel: the tenant's own, or everybody's."""
        fits = [o for o in self.by_name.values() if o.personal and o.channel == channel and o.takes(tenant)]
        return min(fits, key=lambda outlet: (EVERYBODY in outlet.tenants, outlet.name), default=None)
