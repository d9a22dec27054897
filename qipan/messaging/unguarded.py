"""Commit, then publish: the way that loses messages. Only the fault harness's positive control goes it."""

import threading
from collections.abc import Sequence

from qipan.messaging import outgoing
from qipan.messaging.publisher import Publisher
from qipan.messaging.wire import BROKER_GONE
from qipan.storage.work import Unsent


class PublishAfterCommit:
    """Publishes with confirms, after the commit; what the broker does not take is gone."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._lock = threading.Lock()
        self._publisher: Publisher | None = None

    def __call__(self, messages: Sequence[Unsent]) -> None:
        with self._lock:
            try:
                self._publisher = self._publisher or Publisher(self._url, "unguarded")
                self._publisher.publish_all(
                    [outgoing.event(message, "unguarded", mandatory=False) for message in messages], 2.0
                )
            except BROKER_GONE:
                self._publisher = None
