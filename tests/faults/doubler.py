"""Repeats one in ten events on the broker, under its own message id, as a publisher unsure of a confirm would."""

import random
import threading

from qipan.messaging import topology
from qipan.messaging.headers import carried_on
from qipan.messaging.wire import BROKER_GONE, Delivery, Outgoing, Wire

SHARE = 0.1


class Doubler:
    """Hears every event and publishes some again, on a thread of its own; reconnects when the broker returns."""

    def __init__(self, amqp_url: str, seed: int) -> None:
        self.repeated = 0
        self._url = amqp_url
        self._random = random.Random(seed)
        self._seen: set[str] = set()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Begin to repeat."""
        self._thread.start()

    def stop(self) -> None:
        """Repeat nothing more."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._listen()
            except BROKER_GONE:
                self._stopping.wait(0.5)

    def _listen(self) -> None:
        wire = Wire(self._url, "doubler")
        try:
            queue = wire.channel.queue_declare("", exclusive=True, auto_delete=True).queue
            wire.channel.queue_bind(queue, topology.EVENTS, "#")
            wire.consume(queue, lambda delivery: self._repeat(wire, delivery), no_ack=True)
            while not self._stopping.is_set():
                wire.drain(0.5)
                wire.beat()
        finally:
            wire.close()

    def _repeat(self, wire: Wire, delivery: Delivery) -> None:
        message_id = str(delivery.properties.get("message_id"))
        if message_id in self._seen:  # its own repetition comes by here, too
            self._seen.discard(message_id)
            return
        if self._random.random() >= SHARE:
            return
        self._seen.add(message_id)
        kept = {
            name: value
            for name, value in delivery.properties.items()
            if name not in ("application_headers", "user_id")
        }
        headers = {"application_headers": carried_on(delivery.headers)}
        wire.publish(
            Outgoing(topology.EVENTS, delivery.key, delivery.body, {**kept, **headers}, mandatory=False)
        )
        self.repeated += 1
