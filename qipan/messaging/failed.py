"""What becomes of a message that could not be handled: it waits and comes again, or it is dead, and visibly so."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from qipan.messaging import topology
from qipan.messaging.headers import carried_on
from qipan.messaging.publisher import Fate, Publisher
from qipan.messaging.received import ATTEMPT_HEADER, attempt_of
from qipan.messaging.wire import Delivery, Outgoing
from qipan.observability import metrics
from qipan.observability.logs import logger

log = logger(__name__)

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

    def send_away(self, failures: Sequence[Failure]) -> None:
        """Put each into a wait queue or among the dead, confirmed; only then may its delivery be acked.

        Raises `BROKER_GONE`; the broker then still has the deliveries.
        """
        messages = [self._dead(f) if f.final else self._later(f) for f in failures]
        while messages:
            publisher = self._publisher or Publisher(self._url, f"{self._service} retries")
            self._publisher = publisher
            fates = publisher.publish_all(messages)
            messages = [m for m, fate in zip(messages, fates, strict=True) if fate is not Fate.CONFIRMED]
            if messages:
                log.error(
                    "a failed message found no queue; trying again",
                    service=self._service,
                    count=len(messages),
                )
                time.sleep(1)
        for failure in failures:
            if failure.final:
                metrics.DEAD_LETTERS.labels(self._service, failure.kind).inc()
            else:
                metrics.RETRIES.labels(self._service, str(failure.delivery.properties.get("type"))).inc()

    def close(self) -> None:
        """Close the connection."""
        if self._publisher is not None:
            self._publisher.close()
            self._publisher = None

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
