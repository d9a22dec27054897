"""The courier's order of work: what is to leave does not wait until all that arrived was handled."""

import socket
from types import SimpleNamespace
from typing import Any

from qipan.messaging.courier import Courier
from qipan.messaging.wire import Outgoing


def test_answers_leave_between_what_arrives() -> None:
    courier = Courier("amqp://nowhere", "test", on_connect=lambda wire: None)
    near, far = socket.socketpair()
    far.send(b"three deliveries, read at once")
    seen: list[str] = []

    def drain(seconds: float) -> bool:
        number = sum(entry.startswith("call") for entry in seen) + 1
        seen.append(f"call {number}")
        courier._push(Outgoing("replies", f"answer {number}", b"", {}))
        wire.has_more = number < 3
        courier._stopping = number == 3
        return True

    wire: Any = SimpleNamespace(
        socket=lambda: near,
        has_more=True,
        drain=drain,
        publish=lambda message: seen.append(message.key),
        beat=lambda: None,
    )
    courier._serve(wire)
    assert seen == ["call 1", "answer 1", "call 2", "answer 2", "call 3", "answer 3"]
    courier.stop()
    near.close()
    far.close()


def test_what_is_handed_over_after_a_heartbeat_does_not_wait_for_a_message_to_arrive() -> None:
    """Nothing follows a heartbeat: whoever waits for more holds up a call until its deadline has passed."""
    courier = Courier("amqp://nowhere", "test", on_connect=lambda wire: None)
    near, far = socket.socketpair()
    far.send(b"heartbeat")
    waited: list[float] = []
    left: list[str] = []

    def drain(seconds: float) -> bool:
        near.recv(64)
        courier._push(Outgoing("calls", "a call", b"", {}))
        waited.append(seconds)
        return False

    def publish(message: Outgoing) -> None:
        left.append(message.key)
        courier._stopping = True

    wire: Any = SimpleNamespace(
        socket=lambda: near, has_more=False, drain=drain, publish=publish, beat=lambda: None
    )
    courier._serve(wire)
    assert left == ["a call"]
    assert sum(waited) < 0.1
    courier.stop()
    near.close()
    far.close()
