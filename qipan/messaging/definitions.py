"""What RabbitMQ is told once about a district, as its definitions JSON: users, rights and everything durable.

A tenant's broker user may configure nothing, write only to the exchanges named here and only under its own
tenant's keys, and read only its own queues. Rights name exchanges one by one: an exchange that was not
provisioned, and so has no topic permission yet, cannot be written to either.
"""

import base64
import hashlib
import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from qipan.messaging import topology
from qipan.messaging.declaration import Binding, Declaration, Exchange, Queue

NOTHING = "^$"
EVERYTHING = ".*"

IMPERSONATOR = "impersonator"
"""The broker's tag that lets the core move a message without changing who sent it."""


@dataclass(frozen=True)
class AddedService:
    """A service that a tenant adds, and the event types it subscribes to."""

    service: str
    tenant: str
    events: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """Who lives on the broker: every tenant (without shadows) and the services that they add."""

    tenants: tuple[str, ...]
    added: tuple[AddedService, ...] = ()
    core_user: str = "core"
    waits_ms: tuple[int, ...] = topology.WAITS_MS

    def __post_init__(self) -> None:
        """ValueError for a tenant named like the core's user: it would have all of its rights."""
        if self.core_user in self.tenants:
            raise ValueError(f"no tenant may be called {self.core_user!r}: that is the core's broker user")

    def declarations(self) -> tuple[Declaration, ...]:
        """Everything that outlives processes, each thing once."""
        found: list[Declaration] = [*topology.core_declarations(waits_ms=self.waits_ms)]
        for each in self.added:
            found += topology.added_service(each.service, each.tenant, each.events, self.waits_ms)
        seen: set[tuple[object, ...]] = set()
        once: list[Declaration] = []
        for thing in found:
            identity = (
                (type(thing), thing.name) if isinstance(thing, Exchange | Queue) else (type(thing), thing)
            )
            if identity not in seen:
                seen.add(identity)
                once.append(thing)
        return tuple(once)

    def callable_services(self, tenant: str) -> tuple[str, ...]:
        """Whom a tenant may call: the core's services, the steward and those it adds itself."""
        return (*topology.core_subscriptions(), "steward", *self.added_by(tenant))

    def added_by(self, tenant: str) -> tuple[str, ...]:
        """The services that this tenant adds."""
        return tuple(each.service for each in self.added if topology.base_tenant(each.tenant) == tenant)

    def writable(self, tenant: str) -> tuple[str, ...]:
        """The exchanges to which a tenant's user may publish."""
        waits = (
            topology.wait_exchange(service, delay)
            for service in (*topology.core_subscriptions(), *self.added_by(tenant))
            for delay in self.waits_ms
        )
        return (
            topology.EVENTS,
            topology.REPLIES,
            topology.DEAD,
            *(topology.calls(service) for service in self.callable_services(tenant)),
            *waits,
        )


def user_password(user: str, secret: str) -> str:
    """The password of a broker user: derived from the installation's secret, so that nobody stores it."""
    return hmac.new(secret.encode(), f"rabbitmq:{user}".encode(), hashlib.sha256).hexdigest()


def password_hash(user: str, secret: str) -> str:
    """The password as RabbitMQ stores it: base64 of a 4-byte salt and SHA-256 of salt and password.

    The salt is derived too, so that provisioning again writes the same.
    """
    salt = hmac.new(secret.encode(), f"rabbitmq-salt:{user}".encode(), hashlib.sha256).digest()[:4]
    digest = hashlib.sha256(salt + user_password(user, secret).encode()).digest()
    return base64.b64encode(salt + digest).decode()


def own_keys(tenant: str) -> str:
    """The routing keys under which a tenant's user may publish: its own and its shadows'.

    The whole key is checked: one that is not text would end the connection of whoever reads it, one that is
    too long leaves no room for the keys that are made from it. (A bare `$` also matches before a last newline.)
    """
    return rf"^{tenant}(~[a-z0-9-]{{1,20}})?(\.[A-Za-z0-9-]{{1,64}}){{1,8}}$(?!\n)"


def own_queues(tenant: str) -> str:
    """The queues that a tenant's user may read."""
    return rf"^(calls\.)?[a-z0-9-]+@{tenant}(~[a-z0-9-]{{1,20}})?(\.[A-Za-z0-9-]{{1,64}})?$"


def names(exchanges: Iterable[str]) -> str:
    """A pattern that matches exactly these names."""
    return "^(" + "|".join(name.replace(".", r"\.") for name in exchanges) + ")$"


def definitions(plan: Plan, secret: str, vhost: str = "/") -> dict[str, Any]:
    """The whole of it, ready for `rabbitmqctl import_definitions` or the management API."""
    declared = plan.declarations()
    topics = [each.name for each in declared if isinstance(each, Exchange) and each.type == "topic"]
    return {
        "vhosts": [{"name": vhost}],
        "users": [
            _user(plan.core_user, secret, [IMPERSONATOR]),
            *(_user(tenant, secret, []) for tenant in plan.tenants),
        ],
        "permissions": [
            _permission(plan.core_user, vhost, EVERYTHING, EVERYTHING, EVERYTHING),
            *(
                _permission(tenant, vhost, NOTHING, names(plan.writable(tenant)), own_queues(tenant))
                for tenant in plan.tenants
            ),
        ],
        "topic_permissions": [
            {"user": tenant, "vhost": vhost, "exchange": exchange, "write": own_keys(tenant), "read": NOTHING}
            for tenant in plan.tenants
            for exchange in topics
        ],
        "exchanges": [_exchange(each, vhost) for each in declared if isinstance(each, Exchange)],
        "queues": [_queue(each, vhost) for each in declared if isinstance(each, Queue)],
        "bindings": [_binding(each, vhost) for each in declared if isinstance(each, Binding)],
    }


def _user(name: str, secret: str, tags: Sequence[str]) -> dict[str, Any]:
    return {
        "name": name,
        "password_hash": password_hash(name, secret),
        "hashing_algorithm": "rabbit_password_hashing_sha256",
        "tags": list(tags),
    }


def _permission(user: str, vhost: str, configure: str, write: str, read: str) -> dict[str, str]:
    return {"user": user, "vhost": vhost, "configure": configure, "write": write, "read": read}


def _exchange(each: Exchange, vhost: str) -> dict[str, Any]:
    return {
        "name": each.name,
        "vhost": vhost,
        "type": each.type,
        "durable": True,
        "auto_delete": False,
        "internal": False,
        "arguments": dict(each.arguments),
    }


def _queue(each: Queue, vhost: str) -> dict[str, Any]:
    return {
        "name": each.name,
        "vhost": vhost,
        "durable": True,
        "auto_delete": each.auto_delete,
        "arguments": dict(each.arguments),
    }


def _binding(each: Binding, vhost: str) -> dict[str, Any]:
    return {
        "source": each.source,
        "vhost": vhost,
        "destination": each.destination,
        "destination_type": "exchange" if each.to_exchange else "queue",
        "routing_key": each.key,
        "arguments": {},
    }
