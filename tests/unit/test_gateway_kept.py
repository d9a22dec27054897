"""Answers kept for a moment: asked once for all, anew when they are old, never kept when they failed."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import pytest

from services.gateway.kept import Kept


@dataclass
class Desk:
    """Answers when it is let; counts how often it was asked."""

    asked: int = 0
    fails: bool = False
    let: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self) -> int:
        self.asked += 1
        await self.let.wait()
        if self.fails:
            raise LookupError
        return self.asked


class Time:
    """A clock that is set."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def run(play: Callable[[Kept[int], Desk, Time], Awaitable[None]]) -> None:
    async def whole() -> None:
        time = Time()
        await play(Kept(60, time), Desk(), time)

    asyncio.run(whole())


def test_who_asks_at_the_same_time_gets_one_answer_and_who_comes_later_the_same_until_it_is_old() -> None:
    async def play(kept: Kept[int], desk: Desk, time: Time) -> None:
        together = [asyncio.create_task(kept.get("a", desk)) for _ in range(5)]
        await asyncio.sleep(0)
        desk.let.set()
        assert await asyncio.gather(*together) == [1] * 5
        time.now += 59
        assert await kept.get("a", desk) == 1
        assert await kept.get("b", desk) == 2
        time.now += 1
        assert await kept.get("a", desk) == 3

    run(play)


def test_a_failure_is_everybodys_who_waits_and_nobodys_after() -> None:
    async def play(kept: Kept[int], desk: Desk, _: Time) -> None:
        desk.fails = True
        desk.let.set()
        found = await asyncio.gather(*(kept.get("a", desk) for _ in range(3)), return_exceptions=True)
        assert [type(one) for one in found] == [LookupError] * 3
        desk.fails = False
        assert await kept.get("a", desk) == 2

    run(play)


def test_who_leaves_takes_the_answer_from_nobody() -> None:
    async def play(kept: Kept[int], desk: Desk, _: Time) -> None:
        leaves, stays = (asyncio.create_task(kept.get("a", desk)) for _ in range(2))
        await asyncio.sleep(0)
        leaves.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leaves
        desk.let.set()
        assert await stays == 1

    run(play)
