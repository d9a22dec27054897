"""Serving calls: each in a worker of its own, refused when its deadline has passed, answered once committed."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel

from qipan.contracts.base import Request
from qipan.contracts.envelope import Envelope
from qipan.contracts.errors import DeadlineExceeded, Invalid, QipanError, RemoteFault
from qipan.messaging import topology
from qipan.messaging.courier import Courier
from qipan.messaging.direct_answers import PREFIX, DirectAnswers
from qipan.messaging.received import Unreadable, read
from qipan.messaging.wire import Delivery, Outgoing, Wire
from qipan.observability.logs import logger

log = logger(__name__)

QUIET_SECONDS = 0.5
"""A leaving tenant's instance goes on serving until no call has come for so long: what the broker routed to it
before it was unbound goes with its queue, and would never be answered."""

QUIET_WITHIN_SECONDS = 5.0
CANCEL_SECONDS = 5.0

NO_DEADLINE = "The call has no deadline: its envelope must carry `deadline`, a time with its zone."

Serve = Callable[[Envelope[Any], Callable[[BaseModel | BaseException], None]], None]
"""Carries out a request on a worker of its own and hands the outcome to the function given with it."""


@dataclass(slots=True)
class _Doing:
    count: int = 0
    taken_at: float = 0.0


class CallServer:
    """Takes calls from one queue. A tenant's process consumes the queue that the steward made for it.

    `models` maps request types to their contracts; `serve` carries one out; `on_taking` hears each time that calls
    begin to be taken, on connecting and on connecting again. Calls are transient: an answer that
    cannot be sent is logged, and the caller's deadline or its repeat with the same id covers the loss.
    """

    def __init__(
        self,
        url: str,
        service: str,
        *,
        models: Mapping[str, type[Request[Any]]],
        serve: Serve,
        core_user: str,
        served_tenant: str | None = None,
        queue: str | None = None,
        most: int = 32,
        on_taking: Callable[[], None] = lambda: None,
    ) -> None:
        self._service = service
        self._models = models
        self._serve = serve
        self._core_user = core_user
        self._served_tenant = served_tenant
        self._queue = queue
        self._on_taking = on_taking
        self._wire: Wire | None = None
        self._consumer_tag = ""
        self._lock = threading.Condition()
        self._doing = _Doing()
        self._leaving = False
        self._cancelled = threading.Event()
        self._courier = Courier(url, f"{service} answers", on_connect=self._on_connect, prefetch=most)
        self._direct = DirectAnswers(url, f"{service} direct answers")

    def start(self) -> None:
        """Begin to serve."""
        self._courier.start()

    def ready(self) -> tuple[bool, str]:
        """Whether calls are being taken."""
        if self._courier.ready():
            return True, "taking calls"
        return False, "not connected to the broker, or blocked by it"

    def stop(self, seconds: float = 20.0) -> None:
        """Take no more calls, answer those in hand, then close."""
        if self._queue is not None:
            self._await_quiet()
        self._leaving = True
        self._courier.do(self._cancel)
        if self._courier.ready():
            self._cancelled.wait(CANCEL_SECONDS)
        with self._lock:
            self._lock.wait_for(lambda: self._doing.count == 0, seconds)
        self._courier.stop()
        self._direct.stop()

    def _await_quiet(self) -> None:
        now = time.monotonic()
        give_up, self._doing.taken_at = now + QUIET_WITHIN_SECONDS, max(now, self._doing.taken_at)
        while self._doing.taken_at + QUIET_SECONDS > time.monotonic() < give_up:
            time.sleep(0.05)

    def _cancel(self, wire: Wire) -> None:
        if self._consumer_tag:
            wire.cancel(self._consumer_tag)  # what was on its way is taken meanwhile
        self._cancelled.set()

    def _on_connect(self, wire: Wire) -> None:
        self._wire = wire
        queue = self._queue
        if queue is None:
            topology.declare(wire.channel, topology.core_call_queue(self._service))
            queue = topology.calls_core(self._service)
        if not self._leaving:
            self._consumer_tag = wire.consume(queue, lambda delivery: self._take(wire, delivery))
            self._on_taking()

    def _take(self, wire: Wire, delivery: Delivery) -> None:
        # Acked before it is carried out: a call is never dead-lettered and never tried by somebody else later.
        wire.ack(delivery.tag)
        self._doing.taken_at = time.monotonic()
        reply_to = str(delivery.properties.get("reply_to", ""))
        correlation = str(delivery.properties.get("correlation_id", ""))
        try:
            envelope, _ = read(delivery, self._models, self._served_tenant, self._core_user)
        except Unreadable as error:
            self._refuse(reply_to, correlation, delivery.key, Invalid(f"The call cannot be read: {error}"))
            return
        tenant = envelope.tenant
        if envelope.deadline is None:
            self._refuse(reply_to, correlation, delivery.key, Invalid(NO_DEADLINE))
            return
        if envelope.late(datetime.now(UTC)):
            self._refuse(reply_to, correlation, delivery.key, DeadlineExceeded())
            return
        with self._lock:
            self._doing.count += 1

        def answered(outcome: BaseModel | BaseException) -> None:
            try:
                self._answer(reply_to, correlation, tenant, outcome)
            finally:
                with self._lock:
                    self._doing.count -= 1
                    self._lock.notify_all()

        self._serve(envelope, answered)

    def _refuse(self, reply_to: str, correlation: str, key: str, error: QipanError) -> None:
        # On the courier's own thread, which must not wait for the other connection: that caller's time runs out.
        if not reply_to.startswith(PREFIX):
            self._answer(reply_to, correlation, key, error)

    def _answer(self, reply_to: str, correlation: str, key: str, outcome: BaseModel | BaseException) -> None:
        direct = reply_to.startswith(PREFIX)
        if not direct and not topology.INSTANCE.fullmatch(reply_to):
            return  # nobody can hear an answer there, and a longer key would break the connection
        if isinstance(outcome, BaseModel):
            kind, body = "answer", outcome.__pydantic_serializer__.to_json(outcome)
        else:
            if not isinstance(outcome, QipanError):
                log.error("call failed", service=self._service, error=repr(outcome), exc_info=outcome)
            kind, body = "error", RemoteFault.of(outcome).model_dump_json().encode()
        properties = {"correlation_id": correlation, "type": kind, "delivery_mode": 1}
        if direct:
            sent = self._direct.send(Outgoing("", reply_to, body, properties, mandatory=False))
        else:
            answer_key = topology.key(topology.tenant_of(key), reply_to)
            sent = self._courier.send(
                Outgoing(topology.REPLIES, answer_key, body, properties, mandatory=False)
            )
        if not sent:
            log.warning(
                "an answer could not be sent; its caller will ask again or give up", service=self._service
            )
