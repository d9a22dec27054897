"""Events on their way: a queue of the backup's own hears all that is published while the backup is made.

A database's snapshot holds no event that was published before it and handled after it. All such events are heard
here, when every queue has been empty once between the moment the tap was opened and the snapshot: what was published
earlier was handled by then.
"""

import base64
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from qipan.messaging import management, topology
from qipan.messaging.provision import vhost_of
from qipan.messaging.wire import Wire
from qipan.storage.work import Unsent

LOOK_SECONDS = 0.5
STALE_SECONDS = 6.0
"""A quorum queue tells its length every five seconds: what is read before is from before the tap was opened."""


class Tap:
    """Hears every event from its opening on."""

    def __init__(self, url: str, management_url: str) -> None:
        self._management_url = management_url
        self._vhost = vhost_of(url)
        self._wire = Wire(url, "backup")
        self._queue = self._wire.channel.queue_declare(
            "", exclusive=True, auto_delete=True, arguments={"x-queue-type": "classic"}
        ).queue
        self._wire.channel.queue_bind(self._queue, topology.EVENTS, "#")
        self._opened = time.monotonic()

    def settle(self, seconds: float) -> tuple[str, ...]:
        """Wait until each queue of events has been empty once; those that were not within so many seconds."""
        time.sleep(max(0.0, self._opened + STALE_SECONDS - time.monotonic()))
        waiting = {name for name, messages in self._lengths().items() if messages}
        give_up = time.monotonic() + seconds
        while waiting and time.monotonic() < give_up:
            time.sleep(LOOK_SECONDS)
            now = self._lengths()
            waiting = {name for name in waiting if now.get(name)}
            self._wire.beat()
        return tuple(sorted(waiting))

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
        """The queue goes with its connection."""
        self._wire.close()

    def _lengths(self) -> dict[str, int]:
        """Messages in each queue of events, those in somebody's hands as well."""
        found = management.queues(self._management_url, self._vhost)
        return {
            name: messages
            for name, messages in found.items()
            if not name.startswith(("calls.", "replies", self._queue))
        }


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
