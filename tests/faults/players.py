"""People beside the load, who act only through the gateway: cases that are carried through to their end.

Nobody gives up: a request without an answer is sent again under the same key until there is one, and every
command answered with success goes into a ledger.
"""

import asyncio
import threading
import traceback
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from exercise.day import Submission, plan_day
from exercise.demo import ground_of
from exercise.ledger import Ledger
from exercise.performance import signer
from exercise.players.acceptors import Acceptors
from exercise.players.cast import Cast, NobodyThere
from exercise.players.client import HttpClient, NoAnswer, Refusal
from exercise.players.dispatchers import Dispatchers
from exercise.players.grid_workers import GridWorkers
from exercise.players.handlers import Handlers
from exercise.players.pace import Pace
from exercise.players.play import Play
from exercise.players.reporters import body_of
from exercise.players.shift_leaders import ShiftLeaders
from exercise.players.verifiers import Verifiers
from exercise.players.wall import Player
from exercise.scenario import FOLDER, Shares, read_scenario
from qipan.contracts.case import OPEN_STAGES, CaseState, Stage
from qipan.hosting.running import RunningDistrict
from qipan.tenancy import Person
from tests.faults.command_ledger import CommandLedger, Done
from tests.faults.gauges import Gauges

EVERY_SECONDS = 1.5
"""Between two reports."""
PACE = 500.0
"""Domain seconds in a real one for what people take their time for."""
MOST_OPEN = 120
PATIENCE_SECONDS = 120.0
LEFT_HELD = 3
"""In so many towns nobody looks after what is held: there it stays."""
SHARES = Shares(repeated=0.0, neighbour=0.12, faulty=0.0, unclear=0.25)
CHANNELS = {"citizen-app": 40.0, "hotline": 20.0, "grid": 40.0}


class PlayersDied(RuntimeError):
    """The players' thread ended by an error."""


class NotingPlay(Play):
    """Writes down each step that was answered with success."""

    ledger: CommandLedger

    def done(self, person: Person, before: CaseState, action: str, after: CaseState) -> None:
        """Into the ledger."""
        self.ledger.done(
            Done(after.tenant, after.case_id, action, after.version, person.id, since=before.version)
        )


class Players:
    """Everybody, on a thread and an event loop of their own."""

    def __init__(self, running: RunningDistrict, base: Path, seed: int) -> None:
        self.reports = base / "ledger-players.jsonl"
        self.commands = base / "commands.jsonl"
        self.died = ""
        self.flooded: list[str] = []
        self.tally: Mapping[str, Mapping[str, int]] = {}
        self._running, self._seed = running, seed
        self._finishing = threading.Event()
        self._drain_seconds = 0.0
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def check(self) -> None:
        """Raises PlayersDied when they have: their part of the run would be empty from there on."""
        if self.died:
            raise PlayersDied(self.died)

    def finish(self, drain_seconds: float) -> None:
        """Report nothing more, go on with what is open for so many seconds at most, and leave."""
        self._drain_seconds = drain_seconds
        self._finishing.set()
        self._thread.join()
        self.check()

    def _run(self) -> None:
        try:
            asyncio.run(self._perform())
        except BaseException:
            self.died = traceback.format_exc()

    async def _perform(self) -> None:
        running, commands = self._running, CommandLedger(self.commands)
        district = running.district
        pace = Pace.starting(datetime.now(UTC), PACE)
        async with HttpClient(running.gateway_url, patience=PATIENCE_SECONDS) as http:
            play = NotingPlay(http, pace, Cast(district, self._seed), running.password, self._seed)
            play.ledger = commands
            followers = _Followers(play, running, Ledger(self.reports))
            attended, verifiers = district.towns[LEFT_HELD:], Verifiers(play, district)
            async with asyncio.TaskGroup() as seats:
                tasks = [
                    seats.create_task(
                        Acceptors(
                            play,
                            town.id,
                            play.cast.one("acceptor", town.id),
                            sorted(district.matters_of(town.id)),
                            verifiers,
                            every=5.0,
                        ).run()
                    )
                    for town in attended
                ]
                tasks.append(seats.create_task(followers.run(self._submissions())))
                tasks.append(seats.create_task(Gauges(play, running, self.flooded).run()))
                while not self._finishing.is_set():  # noqa: ASYNC110 - a waiting thread would outlive a failed run
                    await asyncio.sleep(0.2)
                followers.no_more = True
                await followers.drained(self._drain_seconds)
                for task in tasks:
                    task.cancel()
            self.tally = play.tally.to_dict()
        commands.close()

    def _submissions(self) -> Iterator[Submission]:
        """Without end: one day after another."""
        scenario = read_scenario(FOLDER / "day.toml")
        for day in range(1000):
            mixed = scenario.model_copy(
                update={
                    "id": f"players{day}",
                    "shares": SHARES,
                    "channels": CHANNELS,
                    "self_disposed": scenario.self_disposed.model_copy(update={"share": 0.5}),
                }
            )
            yield from plan_day(
                mixed, ground_of(self._running.district), reports=500, seed=self._seed
            ).submissions


class _Followers:
    """Report one thing after another, and see to it that each gets as far as people can bring it."""

    def __init__(self, play: NotingPlay, running: RunningDistrict, ledger: Ledger) -> None:
        self.no_more = False
        self._play, self._running, self._ledger = play, running, ledger
        roles: list[Player] = [
            Dispatchers(play, running.district),
            Handlers(play),
            GridWorkers(play),
            ShiftLeaders(play),
        ]
        self._players = {stage: player for player in roles for stage in player.stages}
        self._under_way: set[asyncio.Task[None]] = set()

    async def run(self, submissions: Iterator[Submission]) -> None:
        """Until cancelled, which leaves what is under way as it is."""
        async with asyncio.TaskGroup() as people:
            for submission in submissions:
                if self.no_more:
                    return
                if len(self._under_way) >= MOST_OPEN:
                    await asyncio.wait(self._under_way, return_when=asyncio.FIRST_COMPLETED)
                task = people.create_task(self._follow(submission))
                self._under_way.add(task)
                task.add_done_callback(self._under_way.discard)
                await asyncio.sleep(EVERY_SECONDS)

    async def drained(self, seconds: float) -> None:
        """Until nothing is under way, so long at most."""
        if self._under_way:
            await asyncio.wait(set(self._under_way), timeout=seconds)

    async def _follow(self, submission: Submission) -> None:
        """From the report to the end of its case, or until it has none."""
        report = await self._report(submission)
        if report is None:
            return
        case_id = await self._case_of(report)
        while case_id is not None:
            case = await self._case(report["tenant"], case_id)
            if case is not None:
                if case.stage not in OPEN_STAGES:
                    return
                await self._act(case)
            await asyncio.sleep(1.0)

    async def _report(self, submission: Submission) -> dict[str, Any] | None:
        """Keep at it until there is an answer; None when it was refused."""
        play, person = self._play, signer(self._running.district, self._play, submission)
        self._ledger.sent(submission.key, town=submission.town, channel=submission.channel)
        while True:
            try:
                answer: dict[str, Any] = await play.http.post(
                    "/v1/reports",
                    content=body_of(submission),
                    headers={"Content-Type": "application/json", "Idempotency-Key": submission.key},
                    token=await play.token(person) if person else "",
                )
            except NoAnswer:
                play.tally.add("reporter", "no answer")
            except Refusal as refusal:
                if refusal.status < 500:
                    self._ledger.refused(submission.key, refusal.code)
                    return None
                play.tally.add("reporter", f"refused: {refusal.code}")
                await asyncio.sleep(1.0)
            else:
                self._ledger.acknowledged(submission.key, answer["report_id"], tenant=answer["tenant"])
                return answer

    async def _case_of(self, report: dict[str, Any]) -> str | None:
        """Look at the tracking page until the report has a case of its own, or is at its end without one."""
        path, params = f"/v1/reports/{report['report_id']}", {"token": report["token"]}
        while True:
            try:
                page = await self._play.http.get(path, params=params)
            except (NoAnswer, Refusal) as trouble:
                self._count("tracking", trouble)
            else:
                if page["status"] in ("declined", "merged", "self-disposed"):
                    return None
                if page.get("case_id"):
                    return str(page["case_id"])
            await asyncio.sleep(2.0)

    async def _case(self, tenant: str, case_id: str) -> CaseState | None:
        play = self._play
        try:
            token = await play.token(play.cast.one("supervisor", tenant))
            answer = await play.http.get(f"/v1/cases/{case_id}", token=token, params={"tenant": tenant})
        except (NoAnswer, Refusal) as trouble:
            self._count("case", trouble)
            return None
        return CaseState.model_validate(answer["case"])

    async def _act(self, case: CaseState) -> None:
        player = self._players.get(Stage(case.stage))
        if player is None:
            return
        try:
            await player.act(case)
        except NobodyThere as nobody:
            self._play.tally.add(player.role, str(nobody))
        except (NoAnswer, Refusal) as trouble:
            self._count(player.role, trouble)

    def _count(self, where: str, trouble: NoAnswer | Refusal) -> None:
        if isinstance(trouble, Refusal):
            what = "clash" if trouble.status == httpx.codes.CONFLICT else f"refused: {trouble.code}"
        else:
            what = "no answer"
        self._play.tally.add(where, what)
