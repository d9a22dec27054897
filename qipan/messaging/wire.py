"""One connection to the broker and one channel on it, for one thread: publish, consume, drain, ack.

Three things are done beneath py-amqp's public surface, because system calls are what messages cost: publishing
writes the method frame directly (the library's own publish first reads the socket, to notice a blocked
connection; here the loop that drains notices it), many publishes leave in one write, and what has arrived is
read at once instead of in nine pieces a message. The pin in pyproject.toml is exact for this reason.
"""

import contextlib
import random
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from amqp import spec
from amqp.basic_message import Message
from amqp.exceptions import AMQPError
from kombu import Connection
from kombu.exceptions import OperationalError

from qipan.messaging.foreign import tolerate_foreign_properties
from qipan.messaging.nodes import each_node

tolerate_foreign_properties()

HEARTBEAT_SECONDS = 20
CONNECT_SECONDS = 4
NOTICES_SILENCE = {socket.TCP_KEEPIDLE: 5, socket.TCP_KEEPINTVL: 2, socket.TCP_KEEPCNT: 3}
"""Seconds after which the kernel asks a silent peer whether it is there, and again; tries. Without it, who only listens
notices that a host is cut off when a heartbeat of its own is lost."""
READ_BYTES = 16_384
SHORTEST_SECONDS = 0.001
"""A time-out of nothing would make the library spin over half a frame."""

BROKER_GONE: tuple[type[BaseException], ...] = (AMQPError, OperationalError, OSError)
"""What a lost, refused or closed connection raises."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message to be published. `mandatory`: it comes back when no queue takes it."""

    exchange: str
    key: str
    body: bytes
    properties: Mapping[str, Any]
    mandatory: bool = True


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message as the broker handed it over; its body is not read yet."""

    tag: int
    exchange: str
    key: str
    body: bytes
    properties: Mapping[str, Any]
    redelivered: bool = False

    @property
    def headers(self) -> Mapping[str, Any]:
        """The message's application headers."""
        found = self.properties.get("application_headers")
        return found if isinstance(found, Mapping) else {}


@dataclass(slots=True)
class Wire:
    """A connected wire. Not thread-safe: one thread connects, publishes and drains.

    Where `url` names several nodes, they are tried in a new random order each time: connections spread over them,
    and whoever lost one goes to another.
    """

    url: str
    name: str
    confirm: bool = False
    prefetch: int = 0
    blocked: bool = field(default=False, init=False)
    published: int = field(default=0, init=False)
    _connection: Connection = field(init=False)
    _amqp: Any = field(init=False)
    channel: Any = field(init=False)

    def __post_init__(self) -> None:
        self._connection = self._connected()
        self._amqp = self._connection.connection
        sock = self._amqp.transport.sock
        # The transport keeps what it was given beyond what it asked for.
        self._amqp.transport._quick_recv = lambda _wanted: sock.recv(READ_BYTES)
        self.channel = self._connection.channel()
        self.channel.auto_decode = False  # a body is bytes, whatever encoding its sender names
        if self.confirm:
            self.channel.confirm_select()
        if self.prefetch:
            self.channel.basic_qos(0, self.prefetch, False)

    def _connected(self) -> Connection:
        """A connection to whichever node answers first; raises what the last of them said."""
        nodes = each_node(self.url)
        waiting = random.sample(nodes, len(nodes))
        while True:
            connection = Connection(
                waiting.pop(),
                heartbeat=HEARTBEAT_SECONDS,
                connect_timeout=CONNECT_SECONDS,
                transport_options={
                    "on_blocked": self._on_blocked,
                    "on_unblocked": self._on_unblocked,
                    "client_properties": {"connection_name": self.name},
                    "read_timeout": None,
                    "write_timeout": 15,
                    "socket_settings": NOTICES_SILENCE,
                },
            )
            try:
                connection.connect()
            except BROKER_GONE:
                if not waiting:
                    raise
                continue
            return connection

    @property
    def user(self) -> str:
        """The broker user that this wire is signed in as."""
        return str(self._connection.userid)

    def socket(self) -> socket.socket:
        """The socket underneath, to wait on."""
        found: socket.socket = self._amqp.sock
        return found

    @property
    def has_more(self) -> bool:
        """Whether something that arrived has been read off the socket and not drained yet."""
        return bool(self._amqp.transport._read_buffer)

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """What is published within leaves in one write at the end; nothing may be drained meanwhile."""
        transport = self._amqp.transport
        write, held = transport._write, bytearray()
        transport._write = held.extend
        try:
            yield
        finally:
            transport._write = write
        if held:
            write(held)

    def publish(self, message: Outgoing) -> int:
        """Write a message; returns its confirm number on this channel (1, 2, …)."""
        properties = {"user_id": self.user, **message.properties}
        self.channel.send_method(
            spec.Basic.Publish,
            "Bssbb",
            (0, message.exchange, message.key, message.mandatory, False),
            Message(message.body, **properties),
        )
        self.published += 1
        return self.published

    def consume(self, queue: str, on_delivery: Callable[[Delivery], None], *, no_ack: bool = False) -> str:
        """Have deliveries of `queue` handed to `on_delivery` while draining; returns the consumer's tag."""

        def receive(message: Any) -> None:
            info = message.delivery_info
            on_delivery(
                Delivery(
                    tag=info["delivery_tag"],
                    exchange=info["exchange"],
                    key=info["routing_key"],
                    body=message.body,
                    properties=message.properties,
                    redelivered=bool(info["redelivered"]),
                )
            )

        tag: str = self.channel.basic_consume(queue=queue, callback=receive, no_ack=no_ack)
        return tag if isinstance(tag, str) else str(getattr(tag, "consumer_tag", tag))

    def cancel(self, consumer_tag: str) -> None:
        """Stop consuming; what was delivered and not acked stays ours until acked or the wire closes."""
        self.channel.basic_cancel(consumer_tag)

    def ack(self, tag: int, *, multiple: bool = False) -> None:
        """Let the broker forget a delivery (or all up to it)."""
        self.channel.basic_ack(tag, multiple)

    def drain(self, timeout: float) -> bool:
        """Handle what the broker sends, one method at the most; False when nothing came within `timeout` seconds.

        The library's own draining begins its time-out anew with each heartbeat, and so it may never return.
        """
        end = time.monotonic() + timeout
        left = timeout
        try:
            while not self._amqp.blocking_read(max(left, SHORTEST_SECONDS)):
                left = end - time.monotonic()
                if left <= 0 and not self.has_more:
                    return False
        except (TimeoutError, BlockingIOError):
            return False
        return True

    def beat(self) -> None:
        """Keep the connection alive; to be called about once a second."""
        self._connection.heartbeat_check()

    def close(self) -> None:
        """Close without waiting for a broker that may be gone."""
        with contextlib.suppress(*BROKER_GONE):
            self._connection.collect()

    def _on_blocked(self, reason: str) -> None:
        self.blocked = True

    def _on_unblocked(self) -> None:
        self.blocked = False
