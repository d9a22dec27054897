"""The in-app inbox, pushed: everybody who streams gets their own new messages, each once and in order.

Nothing is kept here but how far each has read. Events ring a bell for their tenants; who streams there is then asked
about in one call. A slow reader is not asked for until there is room again: nothing is dropped.
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol

from qipan.contracts.envelope import Header
from qipan.contracts.errors import QipanError, Unavailable
from qipan.contracts.news import MOST_LISTENERS, Listener, NewMessage, News
from qipan.observability import metrics
from qipan.observability.logs import logger
from qipan.tenancy import base_of, shadow_of
from services.gateway.news import NewsSource
from services.gateway.pace import Pace

log = logger(__name__)

MOST_READERS = MOST_LISTENERS
MOST_EACH = 8
"""Streams of one person."""
BACKLOG = 64


@dataclass(frozen=True, slots=True)
class Pushed:
    """One event as it goes to the browser. `id` is the mark from which its reader can resume."""

    id: str
    event: str
    data: str


@dataclass(eq=False, slots=True)
class Reader:
    """Somebody who streams their messages. `behind`: there was more than room."""

    tenant: str
    person: str
    mark: str | None
    queue: asyncio.Queue[Pushed] = field(default_factory=lambda: asyncio.Queue(BACKLOG))
    behind: bool = False

    def begin(self, mark: str) -> None:
        """Say from where on messages come."""
        self.mark = mark
        self.queue.put_nowait(Pushed(mark, "watching", self.tenant))

    def take(self, messages: Iterable[NewMessage]) -> None:
        """Queue what is after the mark, as far as there is room."""
        for new in messages:
            if self.mark is None or new.mark <= self.mark:
                continue
            if self.queue.full():
                self.behind = True
                return
            self.queue.put_nowait(Pushed(new.mark, "message", new.message.model_dump_json(exclude_none=True)))
            self.mark = new.mark


class Overheard(Protocol):
    """What hears events while somebody wants them (`services.gateway.live.Live` is one)."""

    def overhear(self, heard: Callable[[Header, bytes], None]) -> None: ...

    def unheard(self) -> None: ...


class _Room:
    """A tenant's readers, and when to look for them next."""

    def __init__(self, tenant: str, now: float) -> None:
        self.tenant = tenant
        self.base = f'"{base_of(tenant)}'.encode()
        self.readers: set[Reader] = set()
        self.pace = Pace(now)
        self.changed = asyncio.Event()
        self.task: asyncio.Task[None] | None = None


class Inbox:
    """Asks for its readers' news and hands it on; nobody is asked while nobody reads. `district`: its tenant's id."""

    def __init__(
        self, source: NewsSource, events: Overheard, district: str, service: str = "gateway"
    ) -> None:
        self._source = source
        self._events = events
        self._district = district
        self._service = service
        self._rooms: dict[str, _Room] = {}
        self._loop: asyncio.AbstractEventLoop | None = None

    def join(self, tenant: str, person: str, after: str | None = None) -> Reader:
        """Begin to read, after a mark or from now on; Unavailable when too many do already."""
        readers = [reader for room in self._rooms.values() for reader in room.readers]
        if len(readers) >= MOST_READERS:
            raise Unavailable("Too many streams are open; try again later.")
        if sum(reader.person == person for reader in readers) >= MOST_EACH:
            raise Unavailable("Too many streams of yours are open; close one of them.")
        reader = Reader(tenant, person, after)
        if after is not None:
            reader.begin(after)
        self._loop = asyncio.get_running_loop()
        if not self._rooms:
            self._events.overhear(self._hear)
        room = self._rooms.get(tenant)
        if room is None:
            room = self._rooms[tenant] = _Room(tenant, self._loop.time())
            room.task = self._loop.create_task(self._attend(room), name=f"news of {tenant}")
        room.readers.add(reader)
        metrics.STREAMS.labels(self._service).inc()
        self._at_once(room)
        return reader

    def leave(self, reader: Reader) -> None:
        """Stop reading; the last of a tenant ends the looking, the last of all the listening."""
        room = self._rooms.get(reader.tenant)
        if room is None or reader not in room.readers:
            return
        room.readers.discard(reader)
        metrics.STREAMS.labels(self._service).dec()
        if not room.readers:
            del self._rooms[reader.tenant]
            if room.task is not None:
                room.task.cancel()
        if not self._rooms:
            self._events.unheard()

    async def next(self, reader: Reader) -> Pushed:
        """What the reader gets next; waits for it."""
        pushed = await reader.queue.get()
        room = self._rooms.get(reader.tenant)
        if reader.behind and reader.queue.empty() and room is not None:
            reader.behind = False
            self._at_once(room)
        return pushed

    def _hear(self, header: Header, body: bytes) -> None:
        """On the ear's own thread: whose bell an event rings is left to the loop, if it can be anybody's."""
        rung = [room.tenant for room in tuple(self._rooms.values()) if self._concerns(room, header, body)]
        if rung and self._loop is not None:
            self._loop.call_soon_threadsafe(self._ring, rung)

    def _concerns(self, room: _Room, header: Header, body: bytes) -> bool:
        """The event's own tenant, the district, and whoever's unit, worker or department the event names."""
        if shadow_of(room.tenant) != shadow_of(header.tenant):
            return False
        return room.tenant == header.tenant or base_of(room.tenant) == self._district or room.base in body

    def _ring(self, tenants: Iterable[str]) -> None:
        now = asyncio.get_running_loop().time()
        for tenant in tenants:
            room = self._rooms.get(tenant)
            if room is not None:
                room.pace.rung(now)
                room.changed.set()

    def _at_once(self, room: _Room) -> None:
        room.pace.again(asyncio.get_running_loop().time())
        room.changed.set()

    async def _attend(self, room: _Room) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            room.changed.clear()
            wait = room.pace.due - clock()
            if wait > 0:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(room.changed.wait(), wait)
                continue
            room.pace.looking(clock())
            try:
                await self._look(room, clock)
            except Exception:
                # Streams outlive whatever is wrong with one look.
                log.exception("news could not be looked for", tenant=room.tenant)
                room.pace.failed(clock())

    async def _look(self, room: _Room, clock: Callable[[], float]) -> None:
        ready = [reader for reader in room.readers if not reader.queue.full()]
        if not ready:
            return
        try:
            news = await self._source.ask(room.tenant, _listeners(ready))
        except QipanError as error:
            log.debug("nobody tells news", tenant=room.tenant, why=error.code)
            room.pace.failed(clock())
            return
        if _hand_on(news, ready) and news.more:
            room.pace.again(clock())


def _listeners(readers: Iterable[Reader]) -> tuple[Listener, ...]:
    """Each person once, from where the last of their streams is."""
    after: dict[str, str | None] = {}
    for reader in readers:
        known = after.get(reader.person)
        marks = [mark for mark in (known, reader.mark) if mark is not None]
        after[reader.person] = min(marks, default=None)
    return tuple(Listener(person=person, after=mark) for person, mark in sorted(after.items()))


def _hand_on(news: News, readers: Iterable[Reader]) -> bool:
    """Whether any of it was new to anybody."""
    by_person: dict[str, list[NewMessage]] = {}
    for new in news.messages:
        by_person.setdefault(new.person, []).append(new)
    moved = False
    for reader in readers:
        if reader.mark is None:
            reader.begin(news.now)
            continue
        before = reader.mark
        reader.take(by_person.get(reader.person, ()))
        moved = moved or reader.mark != before
    return moved
