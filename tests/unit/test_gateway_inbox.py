"""The pushed inbox: who gets which messages, how often notify is asked, and what happens when it is away."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qipan.contracts.envelope import Header
from qipan.contracts.errors import Unavailable
from qipan.contracts.news import Listener
from qipan.contracts.queries import InAppMessage
from services.gateway import inbox, pace
from services.gateway.inbox import Inbox, Reader
from services.gateway.news import TestNews
from services.gateway.pace import AWAY, PAUSES, REST, Pace
from services.gateway.streaming import messages

ANN, BEN = "sandun.sweep.1", "sandun.sweep.2"
MORNING = datetime(2026, 3, 2, tzinfo=UTC)


class Bell:
    """Events as the live stream's ear hands them on."""

    def __init__(self) -> None:
        self.heard: Callable[[Header, bytes], None] | None = None

    def overhear(self, heard: Callable[[Header, bytes], None]) -> None:
        self.heard = heard

    def unheard(self) -> None:
        self.heard = None

    def ring(self, tenant: str = "sandun", body: bytes = b"{}") -> None:
        assert self.heard is not None
        self.heard(
            Header(specversion="1.0", id="e1", type="case.filed.v1", source="dispatch", tenant=tenant), body
        )


class House:
    """An inbox over messages in memory."""

    def __init__(self, most: int = 200) -> None:
        self.bell, self.news = Bell(), TestNews(most)
        self.inbox = Inbox(self.news, self.bell, "xihu")
        self._number = 0

    def write(self, person: str = ANN, tenant: str = "sandun") -> str:
        """A message whose title is its number; its mark."""
        self._number += 1
        message = InAppMessage(
            message_id=f"m{self._number}", title=str(self._number), body="", at=MORNING, read=False
        )
        return self.news.write(tenant, person, message)

    async def began(self, person: str = ANN, tenant: str = "sandun", after: str | None = None) -> Reader:
        """A reader who knows from where on messages come."""
        reader = self.inbox.join(tenant, person, after)
        first = await self.inbox.next(reader)
        assert (first.event, first.data) == ("watching", tenant)
        return reader

    async def read(self, reader: Reader, count: int) -> list[int]:
        """The numbers of the next messages."""
        found = []
        for _ in range(count):
            pushed = await self.inbox.next(reader)
            found.append(int(InAppMessage.model_validate_json(pushed.data).title))
        return found


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing rests: only what is rung for is looked for."""
    monkeypatch.setattr(pace, "PAUSES", (0.0, 0.0, 0.0))
    monkeypatch.setattr(pace, "AWAY", 0.0)
    monkeypatch.setattr(pace, "REST", 3600.0)


def run(test: Callable[[], Awaitable[Any]]) -> Any:
    async def bounded() -> Any:
        return await asyncio.wait_for(test(), 30)  # only ends a test that would never end

    return asyncio.run(bounded())


async def quiet(house: House) -> None:
    """Wait until everybody whose bell was rung has been looked for."""
    before = -1
    while before != len(house.news.asked):
        before = len(house.news.asked)
        await asyncio.sleep(0.02)


async def asked(house: House, times: int) -> None:
    """Wait until notify was asked so often in all."""
    for _ in range(100_000):
        if len(house.news.asked) >= times:
            return
        await asyncio.sleep(0)
    raise AssertionError("it was not asked so often")


@given(st.lists(st.tuples(st.sampled_from(["rung", "look", "failed"]), st.floats(0, 20)), max_size=30))
def test_a_look_is_soon_after_every_happening_and_never_long_away(steps: list[tuple[str, float]]) -> None:
    tempo, now = Pace(0.0), 0.0
    for what, passed in steps:
        now += passed
        if what == "rung":
            due = tempo.due
            tempo.rung(now)
            assert tempo.due == min(due, now + pace.PAUSES[0])
        else:
            tempo.looking(now)
            assert tempo.due <= now + pace.REST
        if what == "failed":
            tempo.failed(now)
            assert tempo.due == now + pace.AWAY


def test_looks_follow_a_happening_with_growing_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "PAUSES", PAUSES)
    monkeypatch.setattr(pace, "REST", REST)
    monkeypatch.setattr(pace, "AWAY", AWAY)
    tempo = Pace(0.0)
    tempo.looking(0.0)
    tempo.rung(1.0)
    tempo.rung(1.1)  # the look that is due stays
    found = []
    for _ in range(5):
        found.append(tempo.due)
        tempo.looking(tempo.due)
    assert found == pytest.approx([1.2, 1.7, 3.2, 18.2, 33.2])


def test_a_message_is_pushed_when_the_bell_rings() -> None:
    async def test() -> list[int]:
        house = House()
        house.write()  # before: it is on the list already
        reader = await house.began()
        house.write()
        house.write(BEN)
        house.write()
        house.bell.ring()
        return await house.read(reader, 2)

    assert run(test) == [2, 4]


def test_nobody_is_asked_and_nothing_heard_while_nobody_reads() -> None:
    async def test() -> None:
        house = House()
        assert house.bell.heard is None
        one, two = await house.began(), await house.began(BEN)
        house.inbox.leave(one)
        house.inbox.leave(one)  # again: nothing
        assert house.bell.heard is not None
        heard = house.bell.heard
        house.inbox.leave(two)
        assert house.bell.heard is None
        await quiet(house)
        assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("news of")]
        asked = len(house.news.asked)
        heard(
            Header(specversion="1.0", id="e1", type="case.filed.v1", source="dispatch", tenant="sandun"),
            b"{}",
        )
        await quiet(house)
        assert len(house.news.asked) == asked

    run(test)


def test_a_look_is_one_call_for_all_of_a_tenant() -> None:
    async def test() -> list[tuple[str, tuple[Listener, ...]]]:
        house = House()
        for person in (ANN, BEN, ANN):
            await house.began(person)
        await house.began("wenxin.sweep.1", "wenxin")
        await quiet(house)
        house.news.asked.clear()
        house.bell.ring()
        await quiet(house)
        return house.news.asked

    calls = run(test)
    assert len(calls) == len(PAUSES)
    assert {tenant for tenant, _ in calls} == {"sandun"}
    assert [[one.person for one in listeners] for _, listeners in calls] == [[ANN, BEN]] * len(PAUSES)


@pytest.mark.parametrize(
    ("tenant", "body", "looked_at"),
    [
        ("sandun", b"{}", {"sandun", "xihu"}),
        ("wenxin", b'{"unit": "traffic-police/one"}', {"traffic-police", "xihu"}),
        ("wenxin", b'{"unit": "wenxin/sweep"}', {"xihu"}),
        ("sandun~ex7", b"{}", {"sandun~ex7"}),
        ("wenxin~ex7", b'{"to": ["sandun"]}', {"sandun~ex7"}),
    ],
)
def test_an_event_rings_for_whom_it_may_concern(tenant: str, body: bytes, looked_at: set[str]) -> None:
    async def test() -> set[str]:
        house = House()
        for one in ("sandun", "sandun~ex7", "xihu", "traffic-police"):
            await house.began(f"{one}.x", one)
        await quiet(house)
        house.news.asked.clear()
        house.bell.ring(tenant, body)
        await quiet(house)
        return {looked for looked, _ in house.news.asked}

    assert run(test) == looked_at


def test_anothers_message_and_anothers_tenant_are_never_pushed() -> None:
    async def test() -> None:
        house = House()
        readers = [
            await house.began(BEN),
            await house.began(ANN, "wenxin"),
            await house.began(ANN, "sandun~ex7"),
        ]
        mine = await house.began()
        house.write()
        house.bell.ring()
        assert await house.read(mine, 1) == [1]
        await quiet(house)
        assert all(reader.queue.empty() for reader in readers)

    run(test)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 4), min_size=1, max_size=6))
def test_who_comes_back_with_the_last_id_loses_nothing_and_gets_nothing_twice(visits: list[int]) -> None:
    """Each visit reads as many as it says, of two that are written before it; the last one reads the rest."""

    async def test() -> tuple[list[int], int]:
        house, seen, written = House(most=3), [], 0
        reader = await house.began()
        mark = reader.mark
        house.inbox.leave(reader)
        for wanted in visits:
            for _ in range(2):
                house.write()
                written += 1
            reader = await house.began(after=mark)
            for _ in range(min(wanted, written - len(seen))):
                pushed = await house.inbox.next(reader)
                mark = pushed.id
                seen.append(int(InAppMessage.model_validate_json(pushed.data).title))
            house.inbox.leave(reader)
        reader = await house.began(after=mark)
        seen += await house.read(reader, written - len(seen))
        await quiet(house)
        assert reader.queue.empty()
        return seen, written

    seen, written = run(test)
    assert seen == list(range(1, written + 1))


def test_two_streams_of_one_person_each_get_all_of_it() -> None:
    async def test() -> None:
        house = House()
        one = await house.began()
        begin = one.mark
        house.write()
        house.bell.ring()
        assert await house.read(one, 1) == [1]
        two = await house.began()
        house.write()
        house.bell.ring()
        assert [await house.read(one, 1), await house.read(two, 1)] == [[2], [2]]
        resumed = await house.began(after=begin)
        assert await house.read(resumed, 2) == [1, 2]
        await quiet(house)
        assert one.queue.empty()
        assert two.queue.empty()

    run(test)


def test_a_slow_reader_is_waited_for_and_holds_no_more_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox, "BACKLOG", 4)

    async def test() -> tuple[int, list[int]]:
        house = House(most=3)
        reader = await house.began()
        other = await house.began(BEN)
        for _ in range(20):
            house.write()
        house.write(BEN)
        house.bell.ring()
        assert await house.read(other, 1) == [21]  # nobody else waits for the slow one
        await quiet(house)
        return reader.queue.qsize(), await house.read(reader, 20)

    assert run(test) == (4, list(range(1, 21)))


def test_while_notify_is_away_the_stream_stays_and_then_catches_up() -> None:
    async def test() -> list[int]:
        house = House()
        reader = await house.began()
        house.news.away = True
        house.write()
        house.bell.ring()
        await asked(house, len(house.news.asked) + 3)
        house.write()
        house.news.away = False
        return await house.read(reader, 2)

    assert run(test) == [1, 2]


def test_who_comes_while_notify_is_away_begins_when_it_is_back() -> None:
    async def test() -> list[int]:
        house = House()
        house.news.away = True
        reader = house.inbox.join("sandun", ANN)
        await asked(house, 3)
        assert reader.queue.empty()
        house.news.away = False
        assert (await house.inbox.next(reader)).event == "watching"
        house.write()
        house.bell.ring()
        return await house.read(reader, 1)

    assert run(test) == [1]


def test_only_so_many_may_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox, "MOST_READERS", 3)
    monkeypatch.setattr(inbox, "MOST_EACH", 2)

    async def test() -> None:
        house = House()
        first = house.inbox.join("sandun", ANN)
        house.inbox.join("sandun", ANN)
        with pytest.raises(Unavailable, match="of yours"):
            house.inbox.join("sandun", ANN)
        house.inbox.join("sandun", BEN)
        with pytest.raises(Unavailable):
            house.inbox.join("wenxin", "wenxin.sweep.1")
        house.inbox.leave(first)
        house.inbox.join("wenxin", "wenxin.sweep.1")

    run(test)


def test_a_stream_ends_with_its_token() -> None:
    class Ticking:
        """A clock that moves on by a tenth each time it is read."""

        at = 0.0

        def __call__(self) -> float:
            self.at += 0.1
            return self.at

    async def test() -> list[tuple[str | None, str | None, str | None]]:
        house = House()
        begin = (await house.began()).mark
        mark = house.write()
        reader = house.inbox.join("sandun", ANN, begin)
        events = messages(house.inbox, reader, 0.45, now=Ticking())
        found = [(event.event, event.id) async for event in events]
        assert found[:2] == [("watching", begin), ("message", mark)]
        return found

    assert run(test)[-1] == ("expired", None)
