"""One connection to the broker with confirms, opened when it is needed and again when it was lost."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from qipan.messaging.publisher import Publisher

IDLE_SECONDS = 10.0
"""After so long without use the connection is opened anew: nobody kept it alive."""


class Link:
    """Used by one at a time. A failure closes it: what was taken goes back, the next finds a fresh one."""

    def __init__(self, url: str, name: str) -> None:
        self._url = url
        self._name = name
        self._lock = threading.Lock()
        self._publisher: Publisher | None = None
        self._used_at = 0.0

    @contextmanager
    def open(self) -> Iterator[Publisher]:
        """The connection. Raises `BROKER_GONE` when there is none or the broker refuses something."""
        with self._lock:
            if time.monotonic() - self._used_at > IDLE_SECONDS:
                self._drop()
            if self._publisher is None:
                self._publisher = Publisher(self._url, self._name)
            try:
                yield self._publisher
            except BaseException:
                self._drop()
                raise
            self._used_at = time.monotonic()

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            self._drop()

    def _drop(self) -> None:
        if self._publisher is not None:
            self._publisher.close()
            self._publisher = None
