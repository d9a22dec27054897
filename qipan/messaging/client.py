"""Calls with deadlines and a live ear for events: the one client of services, gateway, CLI and tests."""

import functools
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, InvalidStateError
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from amqp.exceptions import NotFound
from pydantic import BaseModel, ValidationError

from qipan.contracts.base import Request
from qipan.contracts.envelope import Envelope, Header
from qipan.contracts.errors import DeadlineExceeded, Internal, RemoteFault, Unavailable
from qipan.ids import new_id
from qipan.messaging import topology
from qipan.messaging.courier import Courier
from qipan.messaging.wire import Delivery, Outgoing, Wire
from qipan.observability import tracing
from qipan.observability.logs import logger

log = logger(__name__)

Reply = TypeVar("Reply", bound=BaseModel)
OnEvent = Callable[[Header, bytes], None]

DIRECT_REPLY = "amq.rabbitmq.reply-to"


@dataclass(slots=True)
class _Waiting:
    future: "Future[Any]"
    model: type[BaseModel]
    until: float
    what: str


class Client:
    """Calls services and listens to events over one connection, on a thread of its own.

    `reply_queue` is for a tenant's process, whose broker user may declare nothing: the queue that the steward
    made for it, or `amq.rabbitmq.reply-to` for the one call that asks for that.
    """

    def __init__(
        self, url: str, source: str, *, reply_queue: str | None = None, reply_id: str | None = None
    ) -> None:
        self._source = source
        self._reply_id = reply_id or new_id()
        self._reply_queue = reply_queue
        self._waiting: dict[str, _Waiting] = {}
        self._ears: list[tuple[tuple[str, ...], OnEvent]] = []
        self._stopping = threading.Event()
        self._asked = threading.Event()
        self._courier = Courier(
            url,
            f"{source} calls",
            on_connect=self._on_connect,
            on_return=self._on_return,
            on_lost=self._on_lost,
            prefetch=200,
        )
        self._watch = threading.Thread(target=self._expire, name=f"{source} deadlines", daemon=True)

    def start(self, seconds: float = 0.0) -> "Client":
        """Begin; with `seconds`, wait that long for the connection."""
        self._courier.start()
        self._watch.start()
        if seconds:
            self._courier.wait_ready(seconds)
        return self

    def stop(self) -> None:
        """Close; calls still waiting fail with `Unavailable`."""
        self._stopping.set()
        self._asked.set()
        self._courier.stop()
        self._on_lost()

    def ready(self) -> bool:
        """Whether calls can be sent: connected, and not blocked by the broker."""
        return self._courier.ready()

    def listen(self, keys: Sequence[str], on_event: OnEvent) -> None:
        """Hear events whose keys match (`*.case.#`), live: none are kept while disconnected. Before `start`."""
        self._ears.append((tuple(keys), on_event))

    def call(
        self,
        request: Request[Reply],
        *,
        tenant: str,
        principal: str | None = None,
        timeout: float = 5.0,
        id: str | None = None,
    ) -> Reply:
        """Ask and wait; raises the answerer's error, `Unavailable` or `DeadlineExceeded`."""
        future = self.submit(request, tenant=tenant, principal=principal, timeout=timeout, id=id)
        return future.result(timeout + 2)

    def submit(
        self,
        request: Request[Reply],
        *,
        tenant: str,
        principal: str | None = None,
        timeout: float = 5.0,
        id: str | None = None,
    ) -> "Future[Reply]":
        """Ask without waiting. The future fails at once with `Unavailable` when nobody serves the request.

        A command repeated with the same `id` is carried out once and answered the same.
        """
        future: Future[Reply] = Future()
        message_id = id or new_id()
        # Unguessable: whoever knew it could answer this call in another's place.
        correlation = secrets.token_hex(16)
        body = Envelope.seal(
            request,
            id=message_id,
            source=self._source,
            tenant=tenant,
            principal=principal,
            traceparent=tracing.child(tracing.current()),
            deadline=datetime.now(UTC) + timedelta(seconds=timeout),
        )
        self._waiting[correlation] = _Waiting(
            future, request.answer_model(), time.monotonic() + timeout, f"{request.service} ({request.type})"
        )
        self._asked.set()
        sent = self._courier.send(
            Outgoing(
                topology.calls(request.service),
                topology.key(tenant, request.type),
                body,
                {
                    "message_id": message_id,
                    "type": request.type,
                    "content_type": "application/cloudevents+json",
                    "correlation_id": correlation,
                    "reply_to": DIRECT_REPLY if self._reply_queue == DIRECT_REPLY else self._reply_id,
                    "expiration": str(max(1, int(timeout * 1000))),
                    "delivery_mode": 1,
                },
            )
        )
        if not sent:
            self._fail(correlation, Unavailable("The message broker cannot be reached at the moment."))
        return future

    def _on_connect(self, wire: Wire) -> None:
        if self._reply_queue is None:
            try:
                topology.declare(wire.channel, topology.core_reply_queue(self._reply_id))
            except NotFound:
                # Of a cluster's nodes the one that has it is away: another name is on another node, at the next try.
                self._reply_id = new_id()
                raise
            wire.consume(f"replies.{self._reply_id}", self._on_reply, no_ack=True)
        else:
            wire.consume(self._reply_queue, self._on_reply, no_ack=True)
        for keys, on_event in self._ears:
            queue = wire.channel.queue_declare("", exclusive=True, auto_delete=True).queue
            for key in keys:
                wire.channel.queue_bind(queue, topology.EVENTS, key)
            wire.consume(queue, functools.partial(_hear, on_event), no_ack=True)

    def _on_reply(self, delivery: Delivery) -> None:
        waiting = self._waiting.pop(str(delivery.properties.get("correlation_id")), None)
        if waiting is None:
            return
        try:
            if delivery.properties.get("type") == "error":
                raise RemoteFault.model_validate_json(delivery.body).error()
            answer = waiting.model.model_validate_json(delivery.body)
        except ValidationError:
            log.exception("unreadable answer", call=waiting.what)
            _settle(waiting.future, Internal(f"{waiting.what} answered something unreadable."))
        except Exception as error:  # noqa: BLE001 - the typed remote error belongs to whoever waits
            _settle(waiting.future, error)
        else:
            _settle(waiting.future, answer)

    def _on_return(self, message: Any) -> None:
        correlation = message.properties.get("correlation_id")
        waiting = self._waiting.get(correlation)
        if waiting is not None:
            self._fail(correlation, Unavailable(f"Nobody serves {waiting.what} at the moment."))

    def _on_lost(self) -> None:
        for correlation in list(self._waiting):
            self._fail(correlation, Unavailable("The message broker went away while this was on its way."))

    def _fail(self, correlation: str, error: Exception) -> None:
        waiting = self._waiting.pop(correlation, None)
        if waiting is not None:
            _settle(waiting.future, error)

    def _expire(self) -> None:
        while not self._stopping.is_set():
            # Asleep while nobody waits: an idle process costs nothing.
            if not self._waiting:
                self._asked.clear()
                if not self._waiting:
                    self._asked.wait(5.0)
            self._stopping.wait(0.1)
            now = time.monotonic()
            for correlation, waiting in list(self._waiting.items()):
                if waiting.until <= now:
                    self._fail(correlation, DeadlineExceeded(f"{waiting.what} did not answer in time."))


def _settle(future: "Future[Any]", outcome: object) -> None:
    try:
        if isinstance(outcome, Exception):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)
    except InvalidStateError:
        return  # the caller gave up waiting


def _hear(hear: OnEvent, delivery: Delivery) -> None:
    try:
        hear(Header.model_validate_json(delivery.body), delivery.body)
    except ValidationError:
        log.warning("unreadable event heard", key=delivery.key)
