"""Events in batches: one transaction a batch, acked after its commit; a bad message costs only itself.

A failing batch is bisected until the bad message stands alone. That one is tried again later, with growing
delays that hold up nobody else, and at last becomes a dead letter. A database that is away is nobody's fault:
the batch waits for it, unacked.
"""

import threading
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Protocol

from qipan.contracts.base import Event
from qipan.messaging import topology
from qipan.messaging.failed import FailedMessages, Failure
from qipan.messaging.received import Received, Unreadable, read
from qipan.messaging.wire import BROKER_GONE, Delivery, Wire
from qipan.observability import metrics
from qipan.observability.logs import logger
from qipan.storage import inbox
from qipan.storage.database import Database, is_passing
from qipan.storage.work import Work

log = logger(__name__)

PREFETCHED = 4
"""Batches that the broker hands out ahead."""

MOST_STUCK = 2
"""Batches of failed messages that may wait for room in their queue before no more are taken: less than is prefetched,
or nothing could flow beside them."""

UNHURRIED_LARGER = 4
UNHURRIED_LONGER = 5
"""How much larger and longer the batches of an unhurried service are (docs/adr/0026)."""

PASSING_PAUSES = (0.1, 0.3, 1.0, 2.0)
"""Seconds between tries while the database is away."""


class Handler(Protocol):
    """What one group of event types is handed to."""

    name: str

    def run(self, work: Work | None, batch: Sequence[Received[Any]]) -> None:
        """Take effect; whatever it raises undoes the transaction."""


@dataclass(frozen=True, slots=True)
class Policy:
    """How much is taken at once and how patiently failures are tried again."""

    batch_size: int = 50
    linger: float = 0.02
    delays_ms: tuple[int, ...] = topology.WAITS_MS
    inbox: bool = True

    def unhurried(self) -> "Policy":
        """For what nobody waits for: batches linger longer and become larger, and a message costs less."""
        return replace(
            self, batch_size=UNHURRIED_LARGER * self.batch_size, linger=UNHURRIED_LONGER * self.linger
        )


@dataclass(slots=True)
class _Item:
    delivery: Delivery
    received: Received[Any]


@dataclass
class Consumer:
    """Consumes one service's event queue on the calling thread until stopped.

    `handlers` maps event types to who handles them; without a `database` the handlers are stateless and
    idempotency is theirs. `served_tenant` is whose queue it is, None for the core's.
    """

    url: str
    service: str
    queue: str
    handlers: Mapping[str, Handler]
    models: Mapping[str, type[Event]]
    database: Database | None
    core_user: str
    served_tenant: str | None = None
    policy: Policy = field(default_factory=Policy)

    def __post_init__(self) -> None:
        self._stopping = threading.Event()
        self._stopped = threading.Event()
        self._connected = False
        self._waits_for_database = False
        self._wire: Wire | None = None
        self._beat_at = 0.0
        self._failed = FailedMessages(
            self.url, self.service, self.queue, self.served_tenant, self.policy.delays_ms
        )

    def ready(self) -> tuple[bool, str]:
        """Whether messages are being handled, and if not why."""
        if not self._connected:
            return False, "not connected to the broker"
        if self._waits_for_database:
            return False, "waiting for the database"
        if stuck := len(self._failed.stuck):
            return False, f"{stuck} failed messages wait: their queue is missing, full or silent"
        return True, "consuming"

    def stop(self) -> None:
        """Take no more, finish and ack what is held, then close; returns when that is done."""
        self._stopping.set()
        self._stopped.wait(30)

    def run(self) -> None:
        """Consume, reconnecting in place, until `stop`."""
        failures = 0
        try:
            while not self._stopping.is_set():
                try:
                    self._consume()
                    failures = 0
                except BROKER_GONE as error:
                    failures = 1 if self._connected else failures + 1
                    if failures == 1:
                        log.warning("broker lost; reconnecting", service=self.service, error=str(error))
                    self._stopping.wait(min(2.0, 0.1 * 2**failures))
                finally:
                    self._connected = False
                    self._failed.close()
        finally:
            self._stopped.set()

    def _consume(self) -> None:
        size = self.policy.batch_size
        wire = self._wire = Wire(self.url, f"{self.service} events", prefetch=PREFETCHED * size)
        held: list[Delivery] = []
        try:
            tag = wire.consume(self.queue, held.append)
            self._connected = True
            while True:
                if self._stopping.is_set():
                    wire.cancel(tag)
                if len(self._failed.stuck) < MOST_STUCK * size:
                    self._gather(wire, held, size)
                    if held:
                        batch, held[:] = held[:size], held[size:]
                        self._handle(batch)
                        self._ack(wire, batch)
                    elif self._stopping.is_set():
                        return
                elif self._stopping.is_set():
                    return  # what is held and what is stuck goes back to the queue
                else:
                    wire.drain(0.5)
                for taken in self._failed.try_again():
                    wire.ack(taken)
                self._beat(wire)
        finally:
            wire.close()

    def _ack(self, wire: Wire, batch: Sequence[Delivery]) -> None:
        stuck = self._failed.stuck
        if not stuck:
            wire.ack(batch[-1].tag, multiple=True)
            return
        for delivery in batch:
            if delivery.tag not in stuck:
                wire.ack(delivery.tag)

    def _beat(self, wire: Wire) -> None:
        if time.monotonic() >= self._beat_at:
            wire.beat()
            self._failed.beat()
            self._beat_at = time.monotonic() + 1

    def _breathe(self) -> None:
        """In the midst of a batch that takes long: or the broker would think this consumer dead, and deliver again."""
        if self._wire is not None and time.monotonic() >= self._beat_at:
            while self._wire.drain(0.0):
                pass  # no more than is prefetched
            self._beat(self._wire)

    def _gather(self, wire: Wire, held: list[Delivery], size: int) -> None:
        """Fill `held`: wait up to half a second for the first message, then linger briefly for company."""
        if not held and not wire.drain(0.0 if self._stopping.is_set() else 0.5):
            return
        end = time.monotonic() + self.policy.linger
        while len(held) < size:
            left = end - time.monotonic()
            if left <= 0 or not wire.drain(left):
                return

    def _handle(self, batch: Sequence[Delivery]) -> None:
        groups: dict[str, list[_Item]] = {}
        failures: list[Failure] = []
        for delivery in batch:
            try:
                envelope, attempt = read(delivery, self.models, self.served_tenant, self.core_user)
            except Unreadable as error:
                tenant = topology.tenant_of(delivery.key)
                failures.append(Failure(delivery, tenant, "unreadable", str(error), "", final=True))
                self._count_unreadable(delivery)
                continue
            received = Received(
                envelope.data,
                envelope.id,
                envelope.tenant,
                envelope.source,
                envelope.time,
                envelope.subject,
                envelope.traceparent,
                attempt,
            )
            groups.setdefault(self.handlers[envelope.type].name, []).append(_Item(delivery, received))
        by_name = {handler.name: handler for handler in self.handlers.values()}
        for name, items in groups.items():
            failures += self._run_group(by_name[name], items)
        if failures:
            self._failed.send_away(failures)

    def _run_group(self, handler: Handler, items: Sequence[_Item]) -> list[Failure]:
        started = time.perf_counter()
        tries = 0
        while True:
            try:
                self._transact(handler, [item.received for item in items])
            except Exception as error:  # noqa: BLE001 - any failure of a handler has a way to go, and it is here
                if is_passing(error):
                    self._pause_for_database(error, tries)
                    tries += 1
                    continue
                self._breathe()
                if len(items) > 1:
                    middle = len(items) // 2
                    return self._run_group(handler, items[:middle]) + self._run_group(handler, items[middle:])
                seconds = time.perf_counter() - started
                metrics.observe(self.service, handler.name, "failed", items[0].received.tenant, seconds)
                return [self._failure(handler, items[0], error)]
            finally:
                self._waits_for_database = False
            self._count(handler, items, time.perf_counter() - started)
            return []

    def _transact(self, handler: Handler, batch: Sequence[Received[Any]]) -> None:
        if self.database is None:
            handler.run(None, batch)
            return
        with self.database.begin() as work:
            fresh = list(batch)
            if self.policy.inbox:
                new = inbox.claim(work.conn, work.schema, [(m.tenant, m.id) for m in batch])
                seen: set[tuple[str, str]] = set()
                fresh = []
                metrics.DUPLICATES.labels(self.service).inc(len(batch) - len(new))
                for message in batch:
                    key = (message.tenant, message.id)
                    if key in new and key not in seen:
                        seen.add(key)
                        fresh.append(message)
            if fresh:
                handler.run(work, fresh)

    def _pause_for_database(self, error: Exception, tries: int) -> None:
        self._waits_for_database = True
        if tries == 0:
            log.warning(
                "database away; the batch waits", service=self.service, error=str(error).splitlines()[0]
            )
        if self._stopping.is_set() and tries > len(PASSING_PAUSES):
            raise ConnectionError("stopping while the database is away; the batch stays on the broker")
        time.sleep(PASSING_PAUSES[min(tries, len(PASSING_PAUSES) - 1)])
        self._breathe()

    def _failure(self, handler: Handler, item: _Item, error: Exception) -> Failure:
        log.warning(
            "message failed",
            service=self.service,
            handler=handler.name,
            message_id=item.received.id,
            tenant=item.received.tenant,
            attempt=item.received.attempt,
            error=f"{type(error).__name__}: {error}",
        )
        trace = "".join(traceback.format_exception(error))[-20_000:]
        final = item.received.attempt > len(self.policy.delays_ms)
        kind = type(error).__name__
        return Failure(item.delivery, item.received.tenant, kind, f"{kind}: {error}"[:2000], trace, final)

    def _count_unreadable(self, delivery: Delivery) -> None:
        """By the key's tenant, which the broker vouches for, and types known here: no stranger's word is a label."""
        handler = self.handlers.get(str(delivery.properties.get("type")))
        tenant = topology.base_tenant(topology.tenant_of(delivery.key))
        metrics.observe(self.service, handler.name if handler else metrics.OTHER, "unreadable", tenant, 0.0)

    def _count(self, handler: Handler, items: Sequence[_Item], seconds: float) -> None:
        """One figure a message, so that rates are of messages; each with its share of the batch's time."""
        share = seconds / len(items)
        for item in items:
            metrics.observe(self.service, handler.name, "ok", item.received.tenant, share)
        metrics.BATCH.labels(self.service).observe(len(items))
        oldest = min(item.received.time for item in items)
        lag = (datetime.now(UTC) - oldest).total_seconds() - seconds
        metrics.INBOX_LAG.labels(self.service).observe(max(0.0, lag))
