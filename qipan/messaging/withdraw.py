"""Taking a tenant off the broker: its queues, what only its services used, and its user. Safe to repeat.

A queue that holds messages, or that somebody consumes, is never deleted.
"""

import re
import urllib.error
from collections.abc import Callable
from urllib.parse import quote

from amqp.exceptions import NotFound

from qipan.messaging import management, topology
from qipan.messaging.declaration import Binding, Exchange, Queue
from qipan.messaging.definitions import Plan, own_queues
from qipan.messaging.provision import ProvisionError, vhost_of
from qipan.messaging.wire import Wire


class StillUsed(Exception):
    """A queue has messages or a consumer; the text says which."""


def queues_of(management_url: str, amqp_url: str, tenant: str) -> dict[str, int]:
    """A tenant's queues, with how many messages wait in each. Queues of calls are left out: they go by themselves.

    ProvisionError when the broker cannot be asked.
    """
    mine = re.compile(own_queues(tenant))
    try:
        names = management.queues(management_url, vhost_of(amqp_url))
    except OSError as error:
        raise ProvisionError(f"the broker's management API cannot be asked: {error}") from error
    found: dict[str, int] = {}
    for name in names:
        if mine.match(name) and not name.startswith(("calls.", "replies@")):
            # The API's counts lag behind; a declaration's do not.
            _at(amqp_url, lambda wire, name=name: found.update({name: _state(wire, name)[0]}))  # type: ignore[misc]
    return found


def withdraw_queues(amqp_url: str, plan: Plan, tenant: str, there: list[str]) -> None:
    """Delete the tenant's queues that are `there`, and whatever of `plan`, where it still is, only it used.

    StillUsed when a queue holds messages or is consumed.
    """
    without = Plan(
        tuple(each for each in plan.tenants if each != tenant),
        tuple(each for each in plan.added if topology.base_tenant(each.tenant) != tenant),
        plan.core_user,
        plan.waits_ms,
    )
    kept = set(map(_name, without.declarations()))
    gone = [each for each in plan.declarations() if _name(each) not in kept]
    names = dict.fromkeys([*there, *(each.name for each in gone if isinstance(each, Queue))])
    for binding in (each for each in gone if isinstance(each, Binding)):
        _at(amqp_url, lambda wire, binding=binding: _unbind(wire, binding))  # type: ignore[misc]
    for name in names:
        _at(amqp_url, lambda wire, name=name: _delete(wire, name))  # type: ignore[misc]
    for name in (each.name for each in gone if isinstance(each, Exchange)):
        _at(amqp_url, lambda wire, name=name: wire.channel.exchange_delete(name))  # type: ignore[misc]


def withdraw_user(management_url: str, tenant: str) -> None:
    """Delete the tenant's user with all its rights, and so end what it still had open. ProvisionError."""
    try:
        management.delete(management_url, f"users/{quote(tenant, safe='')}")
    except urllib.error.HTTPError as error:
        if error.code != 404:
            raise ProvisionError(f"the broker did not delete the user {tenant} ({error.code})") from error
    except OSError as error:
        raise ProvisionError(f"the broker's management API cannot be reached: {error}") from error


def _unbind(wire: Wire, each: Binding) -> None:
    if each.to_exchange:
        wire.channel.exchange_unbind(each.destination, each.source, each.key)
    else:
        wire.channel.queue_unbind(each.destination, each.source, each.key)


def _delete(wire: Wire, name: str) -> None:
    # Quorum queues do not know "delete if empty": nothing is routed here any more, so looking first is enough.
    messages, consumers = _state(wire, name)
    if messages or consumers:
        raise StillUsed(f"{name} has {messages} messages and {consumers} consumers; it is not deleted")
    wire.channel.queue_delete(name)


def _state(wire: Wire, name: str) -> tuple[int, int]:
    state = wire.channel.queue_declare(name, passive=True)
    return int(state.message_count), int(state.consumer_count)


def _at(amqp_url: str, act: Callable[[Wire], object]) -> None:
    """On a channel of its own, which is closed when the broker answers that something is not there: so be it."""
    wire = Wire(amqp_url, "withdraw")
    try:
        act(wire)
    except NotFound:
        return
    finally:
        wire.close()


def _name(each: Exchange | Queue | Binding) -> object:
    return each if isinstance(each, Binding) else (type(each), each.name)
