"""Players on a wall, against a gateway that remembers what it was asked."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime

import httpx
import pytest

from exercise.day import Flaw, Submission
from exercise.ledger import Ledger, accounts
from exercise.players.cast import Cast, NobodyThere
from exercise.players.client import HttpClient
from exercise.players.grid_workers import GridWorkers
from exercise.players.handlers import Handlers
from exercise.players.pace import Pace
from exercise.players.play import Play
from exercise.players.reporters import Reporters
from exercise.players.shift_leaders import ShiftLeaders
from exercise.players.wall import Wall
from qipan.contracts.case import CaseState, Place, Stage, Support, SupportState
from qipan.tenancy import Person

NOW = datetime(2026, 4, 21, tzinfo=UTC)
PEOPLE = (
    Person("sandun.sweep.1", "一号", "sandun", ("handler",), unit="sandun/sweep"),
    Person("sandun.sweep.2", "二号", "sandun", ("handler",), unit="sandun/sweep"),
    Person("sandun.grid-worker.1", "网格员", "sandun", ("grid-worker",), cells=("c1",)),
    Person("sandun.shift-leader.1", "值班长", "sandun", ("shift-leader",)),
    Person("sandun.supervisor.1", "督查员", "sandun", ("supervisor",)),
)
AFTER = {
    "accept": Stage.ACCEPTED,
    "dispose": Stage.DISPOSED,
    "inspect": Stage.INSPECTED,
    "close": Stage.CLOSED,
    "return": Stage.RETURNED,
    "accept-support": Stage.ACCEPTED,
    "finish-support": Stage.ACCEPTED,
}
PARTS = {"accept-support": SupportState.ACCEPTED, "finish-support": SupportState.DONE}


class FakeDistrict:
    people = PEOPLE


class FakeGateway:
    """Lists one case, takes every step on it, and tells each step on the stream."""

    def __init__(self, case: CaseState) -> None:
        self.case = case
        self.steps: list[tuple[str, str]] = []
        self.refuse: str = ""
        self.told: asyncio.Queue[CaseState] = asyncio.Queue()

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        path, who = request.url.path, request.headers.get("authorization", "").removeprefix("Bearer ")
        if path == "/v1/session":
            return httpx.Response(200, json={"token": json.loads(request.content)["account"]})
        if path == "/v1/stream":
            return httpx.Response(200, stream=Told(self.told))
        if path == "/v1/work":
            open_now = self.case.stage is not Stage.CLOSED
            return httpx.Response(
                200, json={"cases": [json.loads(self.case.model_dump_json())] if open_now else []}
            )
        action = path.rpartition("/")[2]
        self.steps.append((action, who))
        if action == self.refuse:
            return httpx.Response(403, json={"code": "forbidden", "detail": "no"})
        change = {"stage": AFTER[action], "version": self.case.version + 1}
        if action == "accept":
            change["worker"] = who
        if action in PARTS:
            change["supports"] = tuple(
                s.model_copy(update={"state": PARTS[action]}) for s in self.case.supports
            )
        self.case = self.case.model_copy(update=change)
        self.told.put_nowait(self.case)
        return httpx.Response(200, json={"case": json.loads(self.case.model_dump_json())})


class Told(httpx.AsyncByteStream):
    """The live stream: what happened, as server-sent events."""

    def __init__(self, told: asyncio.Queue[CaseState]) -> None:
        self._told = told

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            case = await self._told.get()
            yield f"event: case.changed.v1\ndata: {case.model_dump_json()}\n\n".encode()


def a_case(**changes: object) -> CaseState:
    case = CaseState(
        case_id="c-1",
        report_id="r-1",
        tenant="sandun",
        version=1,
        stage=Stage.OFFERED,
        matter="s:06010",
        place=Place(lon=120.08, lat=30.32, cells={"duty": "c1"}),
        summary="暴露垃圾",
        channel="hotline",
        received_at=NOW,
        filed_at=NOW,
        unit="sandun/sweep",
        worker="sandun.sweep.2",
    )
    return case.model_copy(update=changes)


def a_play(gateway: object) -> Play:
    http = HttpClient("http://gateway", transport=httpx.MockTransport(gateway))
    return Play(http, Pace.starting(NOW, 1e7), Cast(FakeDistrict(), 1), lambda person: "secret", seed=1)


async def performed(play: Play, until: Callable[[], bool]) -> None:
    """Let the wall run until that is so."""
    wall = Wall(play, "sandun", PEOPLE[4], [Handlers(play), GridWorkers(play), ShiftLeaders(play)])
    running = asyncio.create_task(wall.run())
    for _ in range(3000):
        if until():
            break
        await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


def test_a_case_goes_from_hand_to_hand_each_with_an_account_of_their_own():
    gateway = FakeGateway(a_case())
    play = a_play(gateway)
    asyncio.run(performed(play, lambda: gateway.case.stage is Stage.CLOSED))
    assert gateway.steps == [
        ("accept", "sandun.sweep.2"),
        ("dispose", "sandun.sweep.2"),
        ("inspect", "sandun.grid-worker.1"),
        ("close", "sandun.shift-leader.1"),
    ]


def test_who_supports_does_a_part_before_the_lead_shows_the_whole():
    part = Support(
        task_id="c-1.s1",
        unit="sandun/sweep",
        worker="sandun.sweep.1",
        state=SupportState.ASKED,
        asked_at=NOW,
        changed_at=NOW,
    )
    gateway = FakeGateway(a_case(supports=(part,)))
    asyncio.run(performed(a_play(gateway), lambda: gateway.case.stage is Stage.CLOSED))
    assert gateway.steps[:4] == [
        ("accept", "sandun.sweep.2"),
        ("accept-support", "sandun.sweep.1"),
        ("finish-support", "sandun.sweep.1"),
        ("dispose", "sandun.sweep.2"),
    ]


def test_a_refused_step_is_counted_and_not_tried_again():
    gateway = FakeGateway(a_case(stage=Stage.DISPOSED))
    gateway.refuse = "inspect"
    play = a_play(gateway)
    asyncio.run(performed(play, lambda: play.tally.of("grid-worker", "refused: forbidden") > 0))
    assert gateway.steps == [("inspect", "sandun.grid-worker.1")]
    assert play.tally.of("grid-worker", "refused: forbidden") == 1
    assert play.newest["c-1"] == 2


def test_whoever_disposed_does_not_inspect():
    cast = Cast(FakeDistrict(), 1)
    assert cast.inspector(a_case()).id == "sandun.grid-worker.1"
    assert cast.inspector(a_case(worker="sandun.grid-worker.1")).id == "sandun.supervisor.1"
    with pytest.raises(NobodyThere):
        cast.handler(a_case(unit="sandun/nobody", worker=None))


def a_submission(key: str, **more: object) -> Submission:
    return Submission(
        key=key, at=NOW, town="sandun", channel="hotline", text="垃圾", lon=120.08, lat=30.32, **more
    )


def test_a_repeat_waits_for_its_first_and_the_ledger_knows_both(tmp_path):
    asked: list[tuple[str, bytes]] = []

    async def door(request: httpx.Request) -> httpx.Response:
        key = request.headers["idempotency-key"]
        asked.append((key, request.content))
        if b"\xe5\x8f\xa6\xe4\xb8\x80\xe4\xbb\xb6\xe4\xba\x8b" in request.content:  # 另一件事
            return httpx.Response(409, json={"code": "key-reused", "detail": "used"})
        await asyncio.sleep(0.02)
        return httpx.Response(201, json={"report_id": f"r-{key}", "tenant": "sandun", "token": "sandun.x"})

    play = a_play(door)
    heard: list[str] = []
    with Ledger(tmp_path / "ledger.jsonl") as ledger:
        reporters = Reporters(
            play, ledger, lambda _: None, lambda submission, _: heard.append(submission.key)
        )
        day = [
            a_submission("k1"),
            a_submission("k1", repeat_of="k1"),
            a_submission("x1", repeat_of="k1", flaw=Flaw.KEY_REUSED),
        ]
        asyncio.run(reporters.run(day))
    assert [key for key, _ in asked] == ["k1", "k1", "k1"]
    assert heard == ["k1", "k1"]
    told = accounts([ledger.path])
    assert (told["k1"].report_ids, told["k1"].answers) == (["r-k1"], 2)
    assert told["x1"].refusal == "key-reused"
    assert play.tally.of("reporter", "repeated") == 1
