"""A dead letter: a message that nobody could handle, with why and where it was to go."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from qipan.ids import derived_id
from qipan.messaging import topology
from qipan.messaging.foreign import UNREADABLE_HEADER
from qipan.messaging.wire import Delivery

REDRIVEN_HEADER = "qipan-redriven"
"""How often the message was redriven. It travels along: so a repeated delivery is told from a new death."""

KEPT_PROPERTIES = ("message_id", "type", "content_type", "content_encoding", "app_id")


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One message, where it was to go and why it never got through.

    `state` is open, redriven or discarded. An empty `key` means that it cannot be redriven (`reason` says
    why). Times are real.
    """

    tenant: str
    id: str
    service: str
    message_id: str
    key: str
    reason: str
    traceback: str
    properties: Mapping[str, Any]
    headers: Mapping[str, Any]
    body: bytes
    redrives: int = 0
    first_at: datetime | None = None
    last_at: datetime | None = None
    state: str = "open"


def read(delivery: Delivery) -> DeadLetter:
    """A delivery from the queue `dead`, put there by a consumer of ours or by the broker itself.

    The broker vouches for the first word of the routing key. A consumer's word for where the message was to
    go counts only within that tenant: redriving happens with the core's rights.
    """
    headers = delivery.headers
    tenant = topology.tenant_of(delivery.key)
    death = _first_death(headers)
    if death is None:
        service = _text(headers.get("qipan-service")) or delivery.key.partition(".")[2]
        key = _text(headers.get("qipan-key"))
        reason = _text(headers.get("qipan-reason")) or "its sender gave no reason"
    else:
        service = _service_of(_text(death.get("queue")))
        key = delivery.key
        reason = f"the broker gave it up: {_text(death.get('reason'))} in {_text(death.get('queue'))}"
    if topology.tenant_of(key) != tenant:
        reason = f"{reason} (not to be redriven: it came from {tenant!r} but names the key {key!r})"
        key = ""
    message_id = _text(delivery.properties.get("message_id")) or hashlib.sha256(delivery.body).hexdigest()
    redrives = headers.get(REDRIVEN_HEADER, 0)
    return DeadLetter(
        tenant=_text(tenant),
        id=derived_id("dead letter", _text(tenant), service, message_id),
        service=service,
        message_id=message_id,
        key=_text(key),
        reason=reason,
        traceback=_text(headers.get("qipan-traceback")),
        properties={name: _json(delivery.properties.get(name)) for name in KEPT_PROPERTIES},
        headers=_headers(headers),
        body=delivery.body,
        redrives=redrives if isinstance(redrives, int) else 0,
    )


def _first_death(headers: Mapping[Any, Any]) -> Mapping[str, Any] | None:
    """Why the broker itself gave the message up; None when one of our consumers did."""
    deaths = headers.get("x-death")
    if "qipan-key" in headers or not isinstance(deaths, list) or not deaths:
        return None
    return deaths[0] if isinstance(deaths[0], Mapping) else None


def _service_of(queue: str) -> str:
    """`dispatch` of `dispatch.core` and of `dispatch@sandun`."""
    return queue.partition("@")[0].removesuffix(".core")


def _headers(headers: Mapping[Any, Any]) -> dict[str, Any]:
    try:
        return {_text(name): _json(value) for name, value in headers.items()}
    except RecursionError:
        return {UNREADABLE_HEADER: "its headers are nested too deeply to be kept"}


def _json(value: Any) -> Any:
    """Anything that can stand in a header, as something that can stand in PostgreSQL's JSON."""
    if isinstance(value, Mapping):
        return {_text(name): _json(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_json(each) for each in value]
    if value is None or isinstance(value, bool | int):
        return value
    return _text(value)


def _text(value: Any) -> str:
    """Text that PostgreSQL takes: without NUL, without what is not Unicode."""
    if value is None:
        return ""
    if isinstance(value, bytes | bytearray):
        value = bytes(value).decode("utf-8", "backslashreplace")
    found = value.isoformat() if isinstance(value, datetime) else str(value)
    return found.encode("utf-8", "backslashreplace").decode().replace("\0", "\\0")
