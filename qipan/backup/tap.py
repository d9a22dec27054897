"""Events on their way: a queue of the backup's own hears all that is published while the backup is made.

A database's snapshot holds no event that was published before it and handled after it. All such events are heard
here, when whatever was published before the tap was opened has been handled by the snapshot (`settling` tells).
"""

import base64
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from qipan.backup.settling import Settling, waits
from qipan.messaging import management, topology
from qipan.messaging.counted import counted
from qipan.messaging.provision import vhost_of
from qipan.messaging.wire import Wire
from qipan.storage.work import Unsent

LOOK_SECONDS = 0.5
STALE_SECONDS = 6.0
"""A quorum queue tells its length every five seconds: what is read before is from before the tap was opened."""


class Tap:
    """Hears every event from its opening on."""

    def __init__(self, url: str, management_url: str) -> None:
        self._url = url
        self._management_url = management_url
        self._vhost = vhost_of(url)
        self._wire = Wire(url, "backup")
        self._queue = self._wire.channel.queue_declare(
            "", exclusive=True, auto_delete=True, arguments={"x-queue-type": "classic"}
        ).queue
        self._wire.channel.queue_bind(self._queue, topology.EVENTS, "#")
        self._opened = time.monotonic()

    def settle(self, seconds: float) -> tuple[str, ...]:
        """Wait until what is older than the tap has been handled; the queues that may hold such after so many seconds.

        The connection is kept alive meanwhile.
        """
        time.sleep(max(0.0, self._opened + STALE_SECONDS - time.monotonic()))
        settling = Settling(STALE_SECONDS)
        give_up = time.monotonic() + seconds
        settling.look(self._lengths(), time.monotonic())
        while settling.left and time.monotonic() < give_up:
            time.sleep(LOOK_SECONDS)
            settling.look(self._lengths(), time.monotonic())
            while self._wire.drain(0):  # the broker's heartbeats count as heard when they are read
                pass
            self._wire.beat()
        return settling.left

    def taken(self) -> Iterator[Unsent]:
        """What was heard so far, oldest first."""
        while (message := self._wire.channel.basic_get(self._queue, no_ack=True)) is not None:
            key = message.delivery_info["routing_key"]
            headers = message.properties.get("application_headers") or {}
            yield Unsent(
                topology.tenant_of(key),
                key,
                str(message.properties["message_id"]),
                headers.get("traceparent"),
                bytes(message.body),
            )

    def close(self) -> None:
        """Hear no more; the queue goes with its connection. Safe to call again."""
        self._wire.close()

    def _lengths(self) -> dict[str, int]:
        """Messages in each queue of events, those in somebody's hands as well.

        Where messages wait for another attempt nobody takes them in hand, and half a second may be all that they wait:
        those queues are asked themselves.
        """
        found = management.queues(self._management_url, self._vhost)
        lengths = {
            name: messages
            for name, messages in found.items()
            if not name.startswith(("calls.", "replies", self._queue))
        }
        now = counted(self._url, filter(waits, lengths), "backup")
        return {**lengths, **{queue.name: queue.messages for queue in now}}


@contextmanager
def tapped(url: str, management_url: str) -> Iterator[Tap]:
    """A tap that is closed when the block ends."""
    tap = Tap(url, management_url)
    try:
        yield tap
    finally:
        tap.close()


def as_line(event: Unsent) -> str:
    """An event as a line of a file."""
    return json.dumps({**event._asdict(), "body": base64.b64encode(event.body).decode()}) + "\n"


def from_line(line: str) -> Unsent:
    """The event of a line."""
    raw: dict[str, Any] = json.loads(line)
    return Unsent(**{**raw, "body": base64.b64decode(raw["body"])})
