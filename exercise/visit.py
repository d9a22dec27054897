"""`python -m exercise.visit --gateway URL`: people who report and work in a district that already runs; its books.

The district keeps its own time; only the people hurry. Unlike the demo it starts and stops nothing, and where others
report meanwhile, those are none of its business.
"""

import argparse
import asyncio
import json
import signal
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from exercise.books import Books, accounts
from exercise.day import DayPlan, plan_day
from exercise.demo import ground_of
from exercise.ledger import Ledger
from exercise.performance import signer
from exercise.players.acceptors import Acceptors
from exercise.players.cast import Cast
from exercise.players.client import HttpClient
from exercise.players.dispatchers import Dispatchers
from exercise.players.grid_workers import GridWorkers
from exercise.players.handlers import Handlers
from exercise.players.pace import Deadline, Pace
from exercise.players.play import Play
from exercise.players.reporters import Reporters
from exercise.players.shift_leaders import ShiftLeaders
from exercise.players.verifiers import Verifiers
from exercise.players.wall import Player, Wall
from exercise.scenario import FOLDER, read_scenario
from exercise.settling import settled_books
from exercise.tracking import public_states
from qipan.access import first_password
from qipan.hosting.credentials import Credentials
from qipan.hosting.servers import known_database
from qipan.settings import Settings
from qipan.storage.provision import SCHEMAS, service_url
from qipan.tenancy import District, load_district

PATIENCE_SECONDS = 600.0
"""How long somebody goes on asking who gets no answer: longer than any upgrade takes."""

SETTLE_SECONDS = 75.0
"""Real seconds without any progress after which the books are taken as they are; a retry may wait a minute."""

CALM_SECONDS = 4.0
"""Without an open case for so long, the work is done: longer than any event is on its way."""

TELL_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Options:
    """How the visit goes. `rate`: seconds of people's day in a real second; `drain`: seconds for the work's tail."""

    gateway: str
    reports: int
    seed: int
    rate: float
    drain: float


def main(arguments: Sequence[str] | None = None) -> int:
    """Visit; the last line of what is printed is the result as JSON. 0 when the books balance, else 1."""
    options = _options(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    settings = Settings()
    district = load_district(settings.district)
    credentials = Credentials.kept_in(settings.var)
    database, secret = known_database(settings), credentials.secret
    with ExitStack() as stack:
        ledger = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "ledger.jsonl"
        began = time.monotonic()
        play = asyncio.run(_visit(options, district, credentials.account_secret, ledger))
        _say("waiting until every report has found its place")
        urls = {schema: service_url(database, schema, secret) for schema in SCHEMAS}
        books = settled_books(urls, ledger, patience=SETTLE_SECONDS, say=_say)
        tracked = asyncio.run(_tracked(options, ledger))
    sys.stdout.write(
        json.dumps(_told(books, play, tracked, time.monotonic() - began), ensure_ascii=False) + "\n"
    )
    return 0 if books.balanced and books.filed and not tracked.get("invisible") else 1


def plan_of(district: District, options: Options) -> DayPlan:
    """The day's reports, under keys that no earlier visit used, from its first moment on at the people's pace."""
    scenario = read_scenario(FOLDER / "day.toml")
    mine = scenario.model_copy(update={"id": f"visit-{int(time.time())}"})
    return plan_day(mine, ground_of(district), reports=options.reports, seed=options.seed)


async def _visit(options: Options, district: District, account_secret: str, ledger: Path) -> Play:
    plan = plan_of(district, options)
    pace = Pace.starting(plan.begins, options.rate)
    async with HttpClient(options.gateway, patience=PATIENCE_SECONDS) as http:
        play = Play(
            http,
            pace,
            Cast(district, options.seed),
            lambda person: first_password(account_secret, person.id),
            options.seed,
        )
        with Ledger(ledger) as written:
            await _perform(options, district, plan, play, written)
    return play


async def _perform(options: Options, district: District, plan: DayPlan, play: Play, ledger: Ledger) -> None:
    reporters = Reporters(
        play, ledger, lambda each: signer(district, play, each), lambda _each, _answer: None
    )
    roles: list[Player] = [
        Dispatchers(play, district),
        Handlers(play),
        GridWorkers(play),
        ShiftLeaders(play),
    ]
    walls = [Wall(play, town.id, play.cast.one("supervisor", town.id), roles) for town in district.towns]
    verifiers = Verifiers(play, district)
    async with asyncio.TaskGroup() as players:
        staff = [players.create_task(wall.run()) for wall in walls]
        for town in district.towns:
            seat, matters = play.cast.one("acceptor", town.id), sorted(district.matters_of(town.id))
            seats = Acceptors(play, town.id, seat, matters, verifiers, every=5.0)
            staff.append(players.create_task(seats.run()))
        staff.append(players.create_task(_tell(plan, reporters, walls, play)))
        await reporters.run(plan.submissions)
        await _drained(walls, Deadline(options.drain))
        for task in staff:
            task.cancel()


async def _drained(walls: Sequence[Wall], deadline: Deadline) -> None:
    calm = Deadline(CALM_SECONDS)
    while not deadline.over and not calm.over:
        if any(wall.open for wall in walls):
            calm = Deadline(CALM_SECONDS)
        await asyncio.sleep(0.5)


async def _tell(plan: DayPlan, reporters: Reporters, walls: Sequence[Wall], play: Play) -> None:
    while True:
        opened, closed = sum(wall.open for wall in walls), play.tally.of("shift-leader", "close")
        accepted = play.tally.of("reporter", "accepted")
        _say(
            f"sent {reporters.sent} of {len(plan.submissions)}, accepted {accepted}, open {opened}, closed {closed}"
        )
        await asyncio.sleep(TELL_SECONDS)


async def _tracked(options: Options, ledger: Path) -> dict[str, int]:
    """What the reporters see of their reports."""
    async with HttpClient(options.gateway, patience=PATIENCE_SECONDS) as http:
        return dict((await public_states(http, accounts([ledger]).values())).most_common())


def _told(books: Books, play: Play, tracked: Mapping[str, int], seconds: float) -> dict[str, Any]:
    return books.to_dict() | {
        "tracked": dict(tracked),
        "players": play.tally.to_dict(),
        "real_seconds": round(seconds, 1),
    }


def _say(words: str) -> None:
    sys.stdout.write(f"{datetime.now(UTC):%H:%M:%S} {words}\n")
    sys.stdout.flush()


def _options(arguments: Sequence[str] | None) -> Options:
    parser = argparse.ArgumentParser(prog="python -m exercise.visit", description=__doc__)
    parser.add_argument("--gateway", required=True, help="where people's clients go, http://host:port")
    parser.add_argument("--reports", type=int, default=150, help="submissions in all, faulty ones included")
    parser.add_argument(
        "--seed", type=int, default=20210418, help="the same seed is the same people and places"
    )
    parser.add_argument("--rate", type=float, default=900.0, help="seconds of people's day in a real second")
    parser.add_argument("--drain", type=float, default=120.0, help="real seconds for the work's tail")
    return Options(**vars(parser.parse_args(arguments)))


if __name__ == "__main__":
    sys.exit(main())
