"""One watcher's happenings, or one reader's messages, as server-sent events until the token expires."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable

from sse_starlette import ServerSentEvent

from services.gateway.inbox import Inbox, Reader
from services.gateway.live import Watcher


async def happenings(
    watcher: Watcher, expires: float, now: Callable[[], float] = time.time
) -> AsyncIterator[ServerSentEvent]:
    """Events as they come. `missed` says how many were dropped because the reader was too slow: read anew.

    `expires` is real time; the last event is then `expired`.
    """
    yield ServerSentEvent(event="watching", data=watcher.tenant)
    while (left := expires - now()) > 0:
        try:
            happening = await asyncio.wait_for(watcher.queue.get(), left)
        except TimeoutError:
            break
        yield ServerSentEvent(event=happening.type, data=happening.data, id=happening.id)
        if watcher.missed and watcher.queue.empty():
            missed, watcher.missed = watcher.missed, 0
            yield ServerSentEvent(event="missed", data=str(missed))
    yield ServerSentEvent(event="expired", data="")


async def messages(
    inbox: Inbox, reader: Reader, expires: float, now: Callable[[], float] = time.time
) -> AsyncIterator[ServerSentEvent]:
    """Messages as they come, each with the id from which to resume; first of all `watching`, where they begin.

    `expires` is real time; the last event is then `expired`.
    """
    while (left := expires - now()) > 0:
        try:
            pushed = await asyncio.wait_for(inbox.next(reader), left)
        except TimeoutError:
            break
        yield ServerSentEvent(event=pushed.event, data=pushed.data, id=pushed.id)
    yield ServerSentEvent(event="expired", data="")
