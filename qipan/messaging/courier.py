"""A thread of its own that keeps one wire: others hand it messages, it hands them what arrives.

Works on real threads (gateway, tests) and on eventlet's green ones (services) alike; it imports neither.
"""

import contextlib
import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from qipan.messaging.wire import BROKER_GONE, Outgoing, Wire
from qipan.observability.logs import logger

log = logger(__name__)

RECONNECT_SECONDS = (0.1, 0.2, 0.5, 1.0, 2.0)
DRAIN_SECONDS = 0.01
"""How long to wait for the rest of what began to arrive. After a heartbeat nothing follows, and whatever is handed
over meanwhile waits as long: a call would be late before it left."""


class Courier:
    """Connects, reconnects in place, sends and receives until it is stopped.

    `on_connect(wire)` declares and consumes after each connecting; `on_return(message)` is told of messages
    that no queue took; `on_lost()` of a connection that went away.
    """

    def __init__(
        self,
        url: str,
        name: str,
        *,
        on_connect: Callable[[Wire], None],
        on_return: Callable[[Any], None] | None = None,
        on_lost: Callable[[], None] | None = None,
        prefetch: int = 0,
    ) -> None:
        self.name = name
        self._url = url
        self._on_connect = on_connect
        self._on_return = on_return
        self._on_lost = on_lost
        self._prefetch = prefetch
        self._outgoing: deque[Outgoing | Callable[[Wire], None]] = deque()
        self._reader, self._waker = socket.socketpair()
        for end in (self._reader, self._waker):
            end.setblocking(False)
        self._awake = False
        self._stopping = False
        self._connected = threading.Event()
        self._wire: Wire | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin connecting; returns at once."""
        self._thread.start()

    def ready(self) -> bool:
        """Whether it is connected and the broker lets it publish."""
        wire = self._wire
        return self._connected.is_set() and wire is not None and not wire.blocked

    def wait_ready(self, seconds: float) -> bool:
        """Wait until it is connected, up to `seconds`."""
        return self._connected.wait(seconds)

    def send(self, message: Outgoing) -> bool:
        """Hand over a message; False when there is no connection to send it on."""
        if not self.ready():
            return False
        self._push(message)
        return True

    def do(self, act: Callable[[Wire], None]) -> None:
        """Have `act` done to the wire on the courier's own thread, if there is a connection."""
        if self._connected.is_set():
            self._push(act)

    def _push(self, item: "Outgoing | Callable[[Wire], None]") -> None:
        self._outgoing.append(item)
        if not self._awake:
            self._awake = True
            with contextlib.suppress(OSError):
                self._waker.send(b"\0")

    def stop(self) -> None:
        """Send what is queued, then close."""
        self._stopping = True
        with contextlib.suppress(OSError):
            self._waker.send(b"\0")
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(10)
        for end in (self._reader, self._waker):
            end.close()

    def _run(self) -> None:
        failures = 0
        while not self._stopping:
            try:
                wire = Wire(self._url, self.name, prefetch=self._prefetch)
            except BROKER_GONE as error:
                pause = RECONNECT_SECONDS[min(failures, len(RECONNECT_SECONDS) - 1)]
                failures += 1
                if failures == 1:
                    log.warning("broker unreachable", courier=self.name, error=str(error))
                time.sleep(pause)
                continue
            try:
                wire.channel.events["basic_return"].add(self._returned)
                self._on_connect(wire)
                self._wire = wire
                self._connected.set()
                failures = 0
                self._serve(wire)
            except BROKER_GONE as error:
                if not self._stopping:
                    log.warning("broker connection lost", courier=self.name, error=str(error))
                    failures += 1
                    time.sleep(RECONNECT_SECONDS[min(failures, len(RECONNECT_SECONDS) - 1)])
            except Exception:
                log.exception("courier failed; connecting anew", courier=self.name)
                time.sleep(1)
            finally:
                self._connected.clear()
                self._wire = None
                self._outgoing.clear()
                wire.close()
                if self._on_lost is not None:
                    self._on_lost()

    def _returned(self, error: Exception, exchange: str, key: str, message: Any) -> None:
        if self._on_return is not None:
            self._on_return(message)

    def _serve(self, wire: Wire) -> None:
        with selectors.DefaultSelector() as selector:
            arriving = selector.register(wire.socket(), selectors.EVENT_READ)
            waking = selector.register(self._reader, selectors.EVENT_READ)
            beat_at = time.monotonic() + 1
            while True:
                self._flush(wire)
                if self._stopping:
                    return
                ready = [key for key, _ in selector.select(1.0)]
                if waking in ready:
                    self._awake = False
                    with contextlib.suppress(BlockingIOError):
                        self._reader.recv(4096)
                if arriving in ready:
                    wire.drain(DRAIN_SECONDS)
                    while wire.has_more:
                        self._flush(wire)  # answers leave while more arrives than can be handled at once
                        if not wire.drain(DRAIN_SECONDS):
                            break
                now = time.monotonic()
                if now >= beat_at:
                    wire.beat()
                    beat_at = now + 1

    def _flush(self, wire: Wire) -> None:
        while self._outgoing:
            item = self._outgoing.popleft()
            if isinstance(item, Outgoing):
                wire.publish(item)
            else:
                item(wire)
