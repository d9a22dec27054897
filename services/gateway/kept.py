"""An answer that everybody may have, kept for a moment: who asks meanwhile gets the same."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

Answer = TypeVar("Answer")


class Kept(Generic[Answer]):
    """Keeps answers by key for so many seconds, and asks once for all who ask at the same time.

    Keys are few and known (tenants); what fails is not kept. One event loop.
    """

    def __init__(self, seconds: float, now: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._now = now
        self._asked: dict[str, tuple[float, asyncio.Task[Answer]]] = {}

    async def get(self, key: str, ask: Callable[[], Awaitable[Answer]]) -> Answer:
        """The answer to `key`; raises what asking raised."""
        until, asked = self._asked.get(key, (0.0, None))
        if asked is None or until <= self._now():
            asked = asyncio.create_task(_await(ask))
            self._asked[key] = self._now() + self._seconds, asked
            asked.add_done_callback(lambda done: self._settle(key, done))
        # Whoever leaves does not take the answer from the others.
        return await asyncio.shield(asked)

    def _settle(self, key: str, done: asyncio.Task[Answer]) -> None:
        if (done.cancelled() or done.exception()) and self._asked[key][1] is done:
            del self._asked[key]


async def _await(ask: Callable[[], Awaitable[Answer]]) -> Answer:
    return await ask()
