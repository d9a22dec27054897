"""The live stream: what happens to cases, told at once to whoever watches and may see it. Nothing is kept."""

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from pydantic import ValidationError

from qipan.access import Grant, Scope
from qipan.contracts.base import events
from qipan.contracts.envelope import Header, open_envelope
from qipan.contracts.errors import Unavailable
from qipan.contracts.events import CaseEvent
from qipan.observability import metrics
from qipan.observability.logs import logger
from qipan.tenancy import shadow_of

log = logger(__name__)

KEYS = (
    "*.case.#",
    "*.whistle.#",
    "*.backup.#",
    "*.instruction.#",
    # without a case, for whoever overhears
    "*.report.waiting.#",
    "*.verification.#",
    "*.mode.#",
)
MOST_WATCHERS = 500
BACKLOG = 256


@dataclass(frozen=True, slots=True)
class Happening:
    """One event as it goes to the browser: its id, its type and the case in JSON."""

    id: str
    type: str
    data: str


@dataclass(eq=False, slots=True)
class Watcher:
    """Somebody who watches a tenant. `missed` counts what was dropped because they read too slowly."""

    tenant: str
    grant: Grant
    queue: asyncio.Queue[Happening] = field(default_factory=lambda: asyncio.Queue(BACKLOG))
    missed: int = 0

    def addressed(self, tenant: str) -> bool:
        """Whether an event of `tenant` could be for this watcher."""
        everywhere = Scope.DISTRICT in self.grant.scopes
        return tenant == self.tenant or (everywhere and shadow_of(tenant) == shadow_of(self.tenant))


class Ear(Protocol):
    """What listens to the broker (`qipan.messaging.client.Client` is one)."""

    def listen(self, keys: tuple[str, ...], on_event: Callable[[Header, bytes], None]) -> None: ...

    def start(self) -> object: ...

    def stop(self) -> None: ...

    def ready(self) -> bool: ...


class Live:
    """Hands events on to watchers. Listens only while somebody watches: deliveries cost the broker work.

    Or while somebody overhears: is handed every event as it came, whomever it is for.
    """

    def __init__(self, make_ear: Callable[[], Ear], service: str = "gateway") -> None:
        self._make_ear = make_ear
        self._service = service
        self._ear: Ear | None = None
        self._watchers: set[Watcher] = set()
        self._overhearing: Callable[[Header, bytes], None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def join(self, tenant: str, grant: Grant) -> Watcher:
        """Begin to watch; Unavailable when too many do already."""
        if len(self._watchers) >= MOST_WATCHERS:
            raise Unavailable("Too many live streams are open; try again later.")
        watcher = Watcher(tenant, grant)
        self._watchers.add(watcher)
        metrics.STREAMS.labels(self._service).inc()
        self._listen()
        return watcher

    def leave(self, watcher: Watcher) -> None:
        """Stop watching; the last to leave stops the listening."""
        if watcher in self._watchers:
            self._watchers.discard(watcher)
            metrics.STREAMS.labels(self._service).dec()
        self._rest()

    def overhear(self, heard: Callable[[Header, bytes], None]) -> None:
        """Hand every event to `heard`, on the ear's own thread, until `unheard`."""
        self._overhearing = heard
        self._listen()

    def unheard(self) -> None:
        """Hand nothing on any more, but to watchers."""
        self._overhearing = None
        self._rest()

    def ready(self) -> bool:
        """Whether somebody watches or overhears and events are being heard."""
        return self._ear is not None and self._ear.ready()

    def close(self) -> None:
        """Stop listening."""
        if self._ear is not None:
            # it waits for its own thread, and the loop must not wait for it
            threading.Thread(target=self._ear.stop, name="live ends", daemon=True).start()
            self._ear = None

    def _listen(self) -> None:
        if self._ear is None:
            self._loop = asyncio.get_running_loop()
            self._ear = self._make_ear()
            self._ear.listen(KEYS, self._hear)
            self._ear.start()

    def _rest(self) -> None:
        if not self._watchers and self._overhearing is None:
            self.close()

    def _hear(self, header: Header, body: bytes) -> None:
        """On the ear's own thread: nothing but handing over to the loop, and only what somebody may want."""
        overhearing = self._overhearing
        if overhearing is not None:
            overhearing(header, body)
        if self._loop is not None and any(
            watcher.addressed(header.tenant) for watcher in tuple(self._watchers)
        ):
            self._loop.call_soon_threadsafe(self._tell, header, body)

    def _tell(self, header: Header, body: bytes) -> None:
        kind = events().get(header.type)
        if kind is None or not issubclass(kind, CaseEvent):
            return
        try:
            case = open_envelope(body, kind).data.case
        except ValidationError:
            log.warning("unreadable event heard", type=header.type, id=header.id)
            return
        happening = Happening(header.id, header.type, case.model_dump_json(exclude_none=True))
        for watcher in self._watchers:
            if watcher.addressed(header.tenant) and watcher.grant.allows(
                tenant=case.tenant,
                unit=case.unit,
                worker=case.worker,
                department=case.department,
                cells=case.place.cells.values(),
            ):
                self._offer(watcher, happening)

    def _offer(self, watcher: Watcher, happening: Happening) -> None:
        try:
            watcher.queue.put_nowait(happening)
        except asyncio.QueueFull:
            watcher.missed += 1
            metrics.STREAM_DROPS.labels(self._service).inc()
