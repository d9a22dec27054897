"""A message as a handler gets it, and the reading of one off the wire."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from pydantic import ValidationError

from qipan.access import Grant
from qipan.contracts.base import Message
from qipan.contracts.envelope import Envelope, Header, open_envelope
from qipan.messaging.sender import verify_sender
from qipan.messaging.wire import Delivery

Data = TypeVar("Data", bound=Message)

ATTEMPT_HEADER = "qipan-attempt"


class Unreadable(Exception):
    """The message can never be handled here, however often it is tried; the text says why."""


@dataclass(frozen=True, slots=True)
class Received(Generic[Data]):
    """One message with its envelope's facts. `attempt` counts from 1. `grant` is set for calls only."""

    data: Data
    id: str
    tenant: str
    source: str
    time: datetime
    subject: str | None = None
    traceparent: str | None = None
    attempt: int = 1
    _grant: Grant | None = None

    @property
    def grant(self) -> Grant:
        """What the caller may do here; only calls have one."""
        if self._grant is None:
            raise AttributeError("an event carries facts, not authority: it has no grant")
        return self._grant


def read(
    delivery: Delivery, models: Mapping[str, type[Data]], served_tenant: str | None, core_user: str
) -> tuple[Envelope[Data], int]:
    """The delivery's envelope and attempt number; raises `Unreadable` saying what is wrong with it."""
    model = models.get(str(delivery.properties.get("type")))
    if model is None:
        raise Unreadable(_why_no_model(delivery, models))
    try:
        envelope = open_envelope(delivery.body, model)
    except ValidationError as error:
        raise Unreadable(_why_invalid(delivery, error)) from error
    if envelope.type != model.type:
        raise Unreadable(f"the envelope says {envelope.type!r}, the message property {model.type!r}")
    user = delivery.properties.get("user_id")
    fault = verify_sender(delivery.key, user, envelope.tenant, served_tenant, core_user)
    if fault is not None:
        raise Unreadable(f"its origin is wrong: {fault}")
    return envelope, attempt_of(delivery)


def attempt_of(delivery: Delivery) -> int:
    """Which attempt this delivery is, counted from 1, by our own header."""
    value = delivery.headers.get(ATTEMPT_HEADER, 1)
    return value if isinstance(value, int) and value > 0 else 1


def _why_no_model(delivery: Delivery, models: Mapping[str, type[Any]]) -> str:
    try:
        header = Header.model_validate_json(delivery.body)
    except ValidationError as error:
        return _why_invalid(delivery, error)
    stem, _, major = header.type.rpartition(".")
    known = sorted(t for t in models if t.rpartition(".")[0] == stem)
    if known:
        return f"unknown major version {major!r} of {stem!r}; known here: {', '.join(known)}"
    return f"unknown message type {header.type!r}"


def _why_invalid(delivery: Delivery, error: ValidationError) -> str:
    try:
        json.loads(delivery.body)
    except (ValueError, RecursionError):
        return "undecodable: the body is not JSON in UTF-8"
    places = "; ".join(
        f"{'.'.join(str(step) for step in fault['loc']) or 'body'}: {fault['msg']}"
        for fault in error.errors(include_input=False, include_url=False)[:20]
    )
    return f"not a valid message: {places}"
