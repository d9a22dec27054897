"""One watcher's happenings as server-sent events, until the watcher's token expires."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable

from sse_starlette import ServerSentEvent

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
