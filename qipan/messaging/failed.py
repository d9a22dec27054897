"""What becomes of a message that could not be handled: it waits and comes again, or it is dead, and visibly so."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from qipan.messaging import topology
from qipan.messaging.headers import carried_on
from qipan.messaging.publisher import Fate, Publisher
from qipan.messaging.received import ATTEMPT_HEADER, attempt_of
from qipan.messaging.wire import BROKER_GONE, Delivery, Outgoing
from qipan.observability import metrics
from qipan.observability.logs import logger

log = logger(__name__)

CONFIRM_SECONDS = 5.0
"""How long one try waits for the broker's word: its consumer neither beats nor stops meanwhile."""

PAUSES = (1.0, 2.0, 5.0, 10.0, 30.0)
"""Seconds between tries while a queue is missing, full or silent."""

_KEPT = ("message_id", "type", "content_type", "app_id")


@dataclass(frozen=True, slots=True)
class Failure:
    """A delivery that failed, and why; `final` when trying again would not help or was tried often enough."""

    delivery: Delivery
    tenant: str
    kind: str
    reason: str
    trace: str
    final: bool


class FailedMessages:
    """Sends failures of one queue to where they belong. Used by that queue's consumer, on its thread."""

    def __init__(
        self, url: str, service: str, queue: str, served_tenant: str | None, delays_ms: Sequence[int]
    ) -> None:
        self._url = url
        self._service = service
        self._queue = queue
        self._served_tenant = served_tenant
        self._delays_ms = delays_ms
        self._publisher: Publisher | None = None
        self._stuck: list[Failure] = []
        self._tries = 0
        self._try_at = 0.0

    @property
    def stuck(self) -> frozenset[int]:
        """The tags of deliveries that found no queue yet. They must not be acked: the broker alone has them."""
        return frozenset(failure.delivery.tag for failure in self._stuck)

    def send_away(self, failures: Sequence[Failure]) -> None:
        """Put each into a wait queue or among the dead, confirmed; what no queue takes is `stuck`.

        Raises `BROKER_GONE`; the broker then still has the deliveries.
        """
        self._stuck += failures
        if len(self._stuck) == len(failures):
            self._try()

    def try_again(self) -> Sequence[int]:
        """Try what is stuck, when it is time to; returns the tags of deliveries that may be acked now."""
        if not self._stuck or time.monotonic() < self._try_at:
            return ()
        before = self.stuck
        self._try()
        return sorted(before - self.stuck)

    def beat(self) -> None:
        """Keep the connection alive, or forget it when it is gone: the next failure opens another."""
        if self._publisher is not None:
            try:
                self._publisher.idle(0.0)
            except BROKER_GONE:
                self._disconnect()

    def close(self) -> None:
        """Close the connection. What is stuck the broker delivers again."""
        self._stuck = []
        self._tries = 0
        self._disconnect()

    def _disconnect(self) -> None:
        if self._publisher is not None:
            self._publisher.close()
            self._publisher = None

    def _try(self) -> None:
        failures = self._stuck
        publisher = self._publisher or Publisher(self._url, f"{self._service} retries")
        self._publisher = publisher
        messages = [self._dead(failure) if failure.final else self._later(failure) for failure in failures]
        fates = publisher.publish_all(messages, CONFIRM_SECONDS)
        taken = [f for f, fate in zip(failures, fates, strict=True) if fate is Fate.CONFIRMED]
        self._stuck = [f for f, fate in zip(failures, fates, strict=True) if fate is not Fate.CONFIRMED]
        for failure in taken:
            if failure.final:
                metrics.DEAD_LETTERS.labels(self._service, failure.kind).inc()
            else:
                metrics.RETRIES.labels(self._service, str(failure.delivery.properties.get("type"))).inc()
        if not self._stuck:
            self._tries = 0
            return
        pause = PAUSES[min(self._tries, len(PAUSES) - 1)]
        self._tries = 0 if taken else self._tries + 1
        self._try_at = time.monotonic() + pause
        log.error(
            "failed messages find no queue; others go on",
            service=self._service,
            count=len(self._stuck),
            fates=sorted({fate.value for fate in fates if fate is not Fate.CONFIRMED}),
            again_in=pause,
        )

    def _later(self, failure: Failure) -> Outgoing:
        attempt = attempt_of(failure.delivery)
        headers = carried_on(failure.delivery.headers)
        headers[ATTEMPT_HEADER] = attempt + 1
        exchange = topology.wait_exchange(self._service, self._delays_ms[attempt - 1])
        return _again(failure.delivery, exchange, failure.delivery.key, headers)

    def _dead(self, failure: Failure) -> Outgoing:
        headers = carried_on(failure.delivery.headers) | {
            "qipan-service": self._service,
            "qipan-key": failure.delivery.key,
            "qipan-queue": self._queue,
            "qipan-reason": failure.reason,
            "qipan-traceback": failure.trace,
        }
        key = topology.dead_key(self._served_tenant or failure.tenant, self._service)
        return _again(failure.delivery, topology.DEAD, key, headers)


def _again(delivery: Delivery, exchange: str, key: str, headers: Mapping[str, Any]) -> Outgoing:
    kept = {name: delivery.properties[name] for name in _KEPT if name in delivery.properties}
    properties = {**kept, "delivery_mode": 2, "application_headers": dict(headers)}
    return Outgoing(exchange, key, delivery.body, properties)
