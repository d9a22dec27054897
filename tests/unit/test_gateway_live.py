"""The live stream's fan-out and the memory of failed attempts: both bounded."""

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qipan.access import Grant, Principal, Role, Scope
from qipan.contracts.case import CaseState, Place, Stage
from qipan.contracts.envelope import Envelope, Header
from qipan.contracts.errors import Unavailable
from qipan.contracts.events import CaseAccepted, TaskOffered
from services.gateway import live
from services.gateway.attempts import Attempts
from services.gateway.live import Live, Watcher
from services.gateway.streaming import happenings

WHEN = "2026-03-01T08:00:00Z"


class Ear:
    """Hears what a test says."""

    def __init__(self) -> None:
        self.hear: Any = None
        self.stopped = False

    def listen(self, keys: Any, on_event: Any) -> None:
        self.hear = on_event

    def start(self) -> None: ...

    def stop(self) -> None:
        self.stopped = True

    def ready(self) -> bool:
        return True


def grant(*scopes: Scope, units: set[str] = frozenset()) -> Grant:
    who = Principal(
        sub="p", name="", tenant="sandun", roles=frozenset({Role.HANDLER}), units=frozenset(units)
    )
    return Grant(who, "stream", "sandun", frozenset(scopes))


def said(tenant: str = "sandun", kind: Any = CaseAccepted, **traits: Any) -> tuple[Header, bytes]:
    case = CaseState(
        case_id="c1",
        report_id="r1",
        version=1,
        stage=Stage.ACCEPTED,
        matter="m",
        place=Place(lon=1, lat=1),
        summary="",
        channel="",
        received_at=WHEN,
        filed_at=WHEN,
        **{"tenant": tenant, **traits},
    )
    event = kind(case=case, **({"task_id": "t"} if kind is TaskOffered else {}))
    body = Envelope.seal(event, id="e1", source="test", tenant=tenant)
    return Header.model_validate_json(body), body


def test_the_broker_is_listened_to_only_while_somebody_watches() -> None:
    ears: list[Ear] = []

    async def watch() -> None:
        stream = Live(lambda: ears.append(Ear()) or ears[-1])
        one, two = stream.join("sandun", grant(Scope.TENANT)), stream.join("sandun", grant(Scope.TENANT))
        assert len(ears) == 1
        stream.leave(one)
        assert not ears[0].stopped
        stream.leave(two)
        stream.join("sandun", grant(Scope.TENANT))

    asyncio.run(watch())
    assert len(ears) == 2


def test_who_overhears_keeps_the_ear_open_and_hears_whatever_comes() -> None:
    async def overhear() -> None:
        ears: list[Ear] = []
        stream = Live(lambda: ears.append(Ear()) or ears[-1])
        heard: list[str] = []
        stream.overhear(lambda header, _body: heard.append(header.tenant))
        watcher = stream.join("sandun", grant(Scope.TENANT))
        stream.leave(watcher)
        ears[0].hear(*said("xixi"))
        assert (len(ears), ears[0].stopped, heard) == (1, False, ["xixi"])
        watcher = stream.join("sandun", grant(Scope.TENANT))
        stream.unheard()
        ears[0].hear(*said("xixi"))
        assert (stream.ready(), heard) == (True, ["xixi"])
        stream.leave(watcher)
        assert not stream.ready()

    asyncio.run(overhear())


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        (said(unit="sandun/sweep"), True),
        (said(unit="sandun/water"), False),
        (said("xixi", unit="sandun/sweep"), False),
        (said("sandun~ex7", unit="sandun/sweep"), False),
        (said(kind=TaskOffered, unit="sandun/sweep"), False),
        ((said()[0], b'{"data": {"case": 5}}'), False),
    ],
)
def test_a_handler_sees_what_is_assigned_to_the_unit(message: tuple[Header, bytes], shown: bool) -> None:
    async def watch() -> bool:
        ear = Ear()
        stream = Live(lambda: ear)
        watcher = stream.join("sandun", grant(Scope.UNIT, units={"sandun/sweep"}))
        ear.hear(*message)
        await asyncio.sleep(0)
        return not watcher.queue.empty()

    assert asyncio.run(watch()) is shown


def test_a_slow_reader_loses_the_rest_and_holds_no_more_memory() -> None:
    async def watch() -> Watcher:
        ear = Ear()
        stream = Live(lambda: ear)
        watcher = stream.join("sandun", grant(Scope.TENANT))
        for _ in range(live.BACKLOG + 3):
            ear.hear(*said())
        await asyncio.sleep(0)
        return watcher

    watcher = asyncio.run(watch())
    assert (watcher.queue.qsize(), watcher.missed) == (live.BACKLOG, 3)


def test_what_was_missed_is_counted() -> None:
    async def watch() -> list[tuple[str, str]]:
        watcher = Watcher("sandun", grant(Scope.TENANT))
        watcher.queue.put_nowait(live.Happening("e1", "case.accepted.v1", "{}"))
        watcher.missed = 7
        return [(event.event, event.data) async for event in happenings(watcher, 0.05, now=Ticking(0.02))]

    told = asyncio.run(watch())
    assert (told[0], told[-1]) == (("watching", "sandun"), ("expired", ""))
    assert ("missed", "7") in told


def test_only_so_many_may_watch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "MOST_WATCHERS", 1)

    async def watch() -> None:
        stream = Live(Ear)
        stream.join("sandun", grant(Scope.TENANT))
        with pytest.raises(Unavailable):
            stream.join("sandun", grant(Scope.TENANT))

    asyncio.run(watch())


class Ticking:
    """A clock that moves on by `step` seconds each time it is read."""

    def __init__(self, step: float) -> None:
        self.at, self.step = 0.0, step

    def __call__(self) -> float:
        self.at += self.step
        return self.at


class Still:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        return self.at


def test_failures_block_until_they_age() -> None:
    clock = Still()
    attempts = Attempts(most=3, seconds=60, now=clock)
    for clock.at in (0.0, 10.0, 20.0):
        assert attempts.blocked("a") == 0
        attempts.failed("a")
    assert attempts.blocked("a") == 40
    assert attempts.blocked("b") == 0
    clock.at = 60.0
    assert attempts.blocked("a") == 0
    attempts.failed("a")
    assert attempts.blocked("a") == 10


def test_a_success_forgets_failures() -> None:
    attempts = Attempts(most=1, seconds=60, now=Still())
    attempts.failed("a")
    attempts.forget("a")
    assert attempts.blocked("a") == 0


@given(st.lists(st.text(max_size=3), max_size=60))
def test_the_memory_is_bounded(keys: list[str]) -> None:
    attempts = Attempts(most=2, seconds=60, remember=5, now=Still())
    for key in keys:
        attempts.failed(key)
    assert len(attempts._failures) <= 5
    assert all(len(failures) <= 2 for failures in attempts._failures.values())
