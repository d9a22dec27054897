"""Calls a second and their p99: ours (signed, authorised, from the database) against a bare kombu echo."""

import json
import multiprocessing
import statistics
import threading
import time
import uuid
from collections.abc import Callable
from typing import Any

from kombu import Connection, Consumer, Exchange, Producer, Queue

from bench.ours import Ours
from bench.raw import die_with_parent
from qipan.access import Principal, Role, Signer
from qipan.contracts.queries import ListWork
from qipan.messaging.client import Client
from qipan.messaging.provision import user_url

CALLERS = 8
QUEUE = "bench.echo"
ECHO = Queue(QUEUE, auto_delete=True)


def compare(ours: Ours, echo_broker: str, rounds: int, seconds: float) -> dict[str, Any]:
    """Median over interleaved rounds of `seconds` each."""
    server = multiprocessing.get_context("spawn").Process(
        target=_echo_server, args=(echo_broker,), daemon=True
    )
    server.start()
    echo = _Echo(echo_broker)
    client = Client(core_url(ours), "bench").start(10)
    token = _token(ours)
    found: dict[str, list[tuple[float, float, float]]] = {"ours": [], "echo": []}
    try:
        for _ in range(rounds):
            found["echo"].append(_drive(echo.call, seconds))
            found["ours"].append(
                _drive(lambda: client.call(ListWork(limit=1), tenant="gudang", principal=token), seconds)
            )
    finally:
        client.stop()
        echo.close()
        server.kill()
        server.join()
    return {
        who: {
            "calls_per_s": round(statistics.median(rate for rate, _, _ in rounds_), 1),
            "p50_ms": round(statistics.median(p50 for _, p50, _ in rounds_), 2),
            "p99_ms": round(statistics.median(p99 for _, _, p99 in rounds_), 2),
        }
        for who, rounds_ in found.items()
    }


def _token(ours: Ours) -> str:
    principal = Principal(sub="bench", name="", tenant="gudang", roles=frozenset({Role.DISPATCHER}))
    return Signer(ours.running.credentials.signing_key).token(principal, 3600)


def core_url(ours: Ours) -> str:
    """The broker as the core's own user."""
    return user_url(ours.running.servers.amqp_url, "core", ours.running.credentials.secret)


def _drive(call: Callable[[], object], seconds: float) -> tuple[float, float, float]:
    """Calls a second, p50 and p99 in milliseconds, with `CALLERS` threads that call as fast as answered."""
    times: list[float] = []
    end = time.monotonic() + seconds

    def caller() -> None:
        while time.monotonic() < end:
            started = time.perf_counter()
            call()
            times.append(time.perf_counter() - started)

    threads = [threading.Thread(target=caller) for _ in range(CALLERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    cuts = statistics.quantiles(times, n=100)
    return len(times) / seconds, 1000 * cuts[49], 1000 * cuts[98]


class _Echo:
    """A bare kombu client: one connection a caller, a reply queue each."""

    def __init__(self, broker: str) -> None:
        with Connection(broker) as connection:
            # There before the first call: what finds no queue is gone, and a bare client would wait for ever.
            ECHO(connection.channel()).declare()
        self._broker = broker
        self._local = threading.local()
        self._connections: list[Connection] = []

    def call(self) -> None:
        """Send, and wait for the echo."""
        local = self._local
        if not hasattr(local, "connection"):
            local.connection = Connection(self._broker)
            self._connections.append(local.connection)
            local.replies = Queue(f"bench.echo.{uuid.uuid4()}", exclusive=True, auto_delete=True)
            local.answers = []
            channel = local.connection.channel()
            local.consumer = Consumer(
                channel, [local.replies], no_ack=True, on_message=local.answers.append, accept=["json"]
            )
            local.consumer.consume()
            local.producer = Producer(channel)
        local.producer.publish(
            {"method": "echo", "args": ["gudang", 1]},
            routing_key=QUEUE,
            reply_to=local.replies.name,
            correlation_id="1",
            delivery_mode=1,
        )
        while not local.answers:
            local.connection.drain_events()
        json.loads(local.answers.pop().body)

    def close(self) -> None:
        """Close every caller's connection."""
        for connection in self._connections:
            connection.close()


def _echo_server(broker: str) -> None:
    die_with_parent()
    with Connection(broker) as connection:
        channel = connection.channel()
        producer = Producer(channel)

        def echo(body: object, message: Any) -> None:
            producer.publish(
                body, exchange=Exchange(""), routing_key=message.properties["reply_to"], delivery_mode=1
            )
            message.ack()

        with Consumer(channel, [ECHO], callbacks=[echo], accept=["json"]):
            while True:
                connection.drain_events()
