"""Publishing with pipelined confirms: many messages on their way, each one's fate known at the end."""

import time
from collections.abc import Sequence
from enum import Enum
from typing import Any

from qipan.messaging.wire import Outgoing, Wire


class Fate(Enum):
    """What became of a published message."""

    CONFIRMED = "confirmed"  # every queue it was routed to has it
    RETURNED = "returned"  # no queue took it
    REFUSED = "refused"  # a queue is full or failed
    UNKNOWN = "unknown"  # no word in time: it may have arrived


class Publisher:
    """Publishes on one wire and waits for the confirms. Not thread-safe."""

    def __init__(self, url: str, name: str) -> None:
        self.wire = Wire(url, name, confirm=True)
        self._acked: set[int] = set()
        self._nacked: set[int] = set()
        self._returned: set[str] = set()
        self._open: set[int] = set()
        channel = self.wire.channel
        channel.events["basic_ack"].add(self._on_ack)
        channel.events["basic_nack"].add(self._on_nack)
        channel.events["basic_return"].add(self._on_return)

    def publish_all(self, messages: Sequence[Outgoing], seconds: float = 10.0) -> list[Fate]:
        """Publish and wait up to `seconds` for confirms; one fate a message, in order.

        A lost connection raises (`qipan.messaging.wire.BROKER_GONE`); everything is then unknown. While the
        broker blocks publishers nothing is written and all fates are unknown.
        """
        if self.wire.blocked:
            self.wire.drain(min(seconds, 1.0))
            if self.wire.blocked:
                return [Fate.UNKNOWN] * len(messages)
        self._acked, self._nacked, self._returned = set(), set(), set()
        with self.wire.together():
            tags = [self.wire.publish(message) for message in messages]
        self._open.update(tags)
        end = time.monotonic() + seconds
        while self._open:
            left = end - time.monotonic()
            if left <= 0 or not self.wire.drain(left):
                break
        self._open = set()
        return [self._fate(tag, message) for tag, message in zip(tags, messages, strict=True)]

    def _fate(self, tag: int, message: Outgoing) -> Fate:
        if tag in self._nacked:
            return Fate.REFUSED
        if message.properties.get("message_id") in self._returned:
            return Fate.RETURNED
        return Fate.CONFIRMED if tag in self._acked else Fate.UNKNOWN

    def idle(self, seconds: float) -> None:
        """Let the broker speak (heartbeats, blocked, unblocked) while there is nothing to publish."""
        self.wire.drain(seconds)
        self.wire.beat()

    def close(self) -> None:
        """Close the wire."""
        self.wire.close()

    def _settle(self, tag: int, multiple: bool, into: set[int]) -> None:
        settled = {t for t in self._open if t <= tag} if multiple else {tag}
        self._open -= settled
        into |= settled

    def _on_ack(self, tag: int, multiple: bool) -> None:
        self._settle(tag, multiple, self._acked)

    def _on_nack(self, tag: int, multiple: bool) -> None:
        self._settle(tag, multiple, self._nacked)

    def _on_return(self, error: Exception, exchange: str, key: str, message: Any) -> None:
        self._returned.add(message.properties.get("message_id", ""))
