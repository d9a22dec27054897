"""Answers by the broker's direct reply-to, on a connection of their own.

The token in `reply_to` is the caller's word. On a malformed one the broker closes the answerer's connection
(541, measured on RabbitMQ 3.10): it must not be the one on which everybody's calls and answers travel.
"""

import threading

from qipan.messaging.courier import Courier
from qipan.messaging.wire import Outgoing

PREFIX = "amq.rabbitmq.reply-to."

CONNECT_SECONDS = 2.0


class DirectAnswers:
    """Connects at the first such answer: most services never give one."""

    def __init__(self, url: str, name: str) -> None:
        self._url = url
        self._name = name
        self._lock = threading.Lock()
        self._courier: Courier | None = None

    def send(self, message: Outgoing) -> bool:
        """Hand over an answer, waiting for the connection if need be; False when there is none."""
        with self._lock:
            if self._courier is None:
                self._courier = Courier(self._url, self._name, on_connect=lambda wire: None)
                self._courier.start()
        self._courier.wait_ready(CONNECT_SECONDS)
        return self._courier.send(message)

    def stop(self) -> None:
        """Send what is queued, then close."""
        with self._lock:
            if self._courier is not None:
                self._courier.stop()
