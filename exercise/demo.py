"""`python -m exercise.demo`: one day of the district, played fast through its HTTP doors, and its books."""

import argparse
import asyncio
import json
import signal
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from exercise import monthly, scoreboard
from exercise.bars import FEWEST_REPORTS, missed
from exercise.books import Books, accounts
from exercise.day import DayPlan, Ground, plan_day
from exercise.functions import used
from exercise.house import audit_urls, open_house
from exercise.ledger import Ledger
from exercise.performance import perform
from exercise.players.cast import Cast
from exercise.players.client import HttpClient
from exercise.players.pace import Pace
from exercise.players.play import Play
from exercise.playground import playground
from exercise.scenario import FOLDER, read_scenario
from exercise.settling import settled_books
from exercise.showing import Showing
from exercise.tracking import public_states
from qipan.access import Role
from qipan.hosting.running import RunningDistrict
from qipan.settings import settings
from qipan.tenancy import District, load_district

BOOT_SECONDS = 12.0
"""Real seconds that the services are given to start before the day begins; a late start is caught up with."""

SETTLE_SECONDS = 75.0
"""Real seconds without any progress after which the books are taken as they are; a retry may wait a minute."""


@dataclass(frozen=True, slots=True)
class Options:
    """How the demo is run. `rate`: domain seconds a real second; `drain`: seconds for the work's tail.

    `after_setup`: `scripts/setup` has run just before.
    """

    reports: int
    seed: int
    rate: float
    drain: float
    fewest: int
    out: Path
    keep: bool
    after_setup: bool


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is seen from outside: tracked states, the league, tenant → service → its own instances, and the month's
    reports."""

    tracked: Counter[str]
    standings: Sequence[Mapping[str, Any]]
    own_services: Mapping[str, Mapping[str, Sequence[str]]]
    reports: monthly.Reports


def main(arguments: Sequence[str] | None = None) -> int:
    """Play the day; returns 0 when the books balance and every bar is reached, else 1."""
    options = _options(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    console = Console()
    try:
        with playground(settings().var, "demo", keep=options.keep) as base:
            return _run(options, console, base)
    except KeyboardInterrupt:
        console.print("已停止 stopped")
        return 130


def _run(options: Options, console: Console, base: Path) -> int:
    began = time.monotonic()
    district = load_district(settings().district)
    scenario = read_scenario(FOLDER / "day.toml")
    plan = plan_day(scenario, ground_of(district), reports=options.reports, seed=options.seed)
    pace = Pace.starting(plan.begins, options.rate)

    def clocks() -> str:
        nonlocal pace
        pace = Pace.starting(plan.begins, options.rate, in_seconds=BOOT_SECONDS)
        return pace.setting()

    with open_house(settings(), base, clocks, console.print) as running:
        console.print(f"网关 gateway {running.gateway_url}")
        ledger = base / "ledger.jsonl"
        play = asyncio.run(_play(options, plan, pace, running, ledger, console))
        books = settled_books(audit_urls(running), ledger, patience=SETTLE_SECONDS, say=console.print)
        outlook = asyncio.run(_look(running, ledger, play))
        functions = used(play.tally)
        scoreboard.show(console, district, books, outlook.standings, outlook.own_services, functions)
        reports = monthly.keep(outlook.reports, options.out.parent)
        console.print(f"月报 the month's report: {', '.join(map(str, reports))}")
        for name, why in outlook.reports.missing.items():
            console.print(f"月报 {name} 无法取得 cannot be had: {escape(why)}")
        console.print("停止 stopping")
    own_dispatch = [spec.tenant for spec in district.services if spec.replaces == "dispatch"]
    faults = missed(books, [town.id for town in district.towns], own_dispatch, fewest=options.fewest)
    if outlook.tracked["invisible"]:
        faults.append(f"{outlook.tracked['invisible']} reporters cannot see what became of their reports")
    if options.fewest >= FEWEST_REPORTS:  # a whole day meets everything; a short one need not
        faults += [f"nobody used: {key}" for key, count in used(play.tally).items() if not count]
    # setup installs no font where another one is named
    faults += outlook.reports.faults(font_set_up=options.after_setup and settings().report_font is None)
    _write(options, books, play, outlook, time.monotonic() - began, faults)
    for fault in faults:
        console.print(f"[red]✗[/] {fault}")
    console.print(f"{'✗' if faults else '✓'} {options.out}")
    return 1 if faults else 0


def ground_of(district: District) -> Ground:
    """What a day's plan needs to know of a district."""
    small = {
        code
        for town in district.towns
        for code, matter in district.matters_of(town.id).items()
        if matter.self_disposable
    }
    return Ground(district.territory.layers["duty"].cells, district.zone, frozenset(small))


async def _play(
    options: Options,
    plan: DayPlan,
    pace: Pace,
    running: RunningDistrict,
    ledger: Path,
    console: Console,
) -> Play:
    district = running.district
    gauge = plan.readings[0].gauge
    gauge_token = running.credentials.token(gauge.device, gauge.town, Role.MACHINE)
    async with HttpClient(running.gateway_url) as http:
        play = Play(http, pace, Cast(district, options.seed), running.password, options.seed)
        with Ledger(ledger) as written, Showing(console, district.name.zh, district.zone) as showing:
            await perform(
                district,
                plan,
                play,
                written,
                gauge_token=gauge_token,
                drain_seconds=options.drain,
                watch=showing,
            )
        return play


async def _look(running: RunningDistrict, ledger: Path, play: Play) -> Outlook:
    """What the public and the district's lead see when the day is over."""
    lead = play.cast.one("district-lead", running.district.id)
    async with HttpClient(running.gateway_url) as http:
        play.http = http
        token = await play.token(lead)
        tracked = await public_states(http, accounts([ledger]).values())
        board = await http.get("/v1/board", token=token)
        who = await http.get("/v1/who", token=token)
        reports = await monthly.fetch(http, token)
    return Outlook(tracked, board["standings"], _own(who["serving"]), reports)


def _own(serving: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, list[str]]]:
    """Tenant → service → the tenant's own instances."""
    services: dict[str, dict[str, list[str]]] = {}
    for each in serving:
        if each.get("tenant"):
            services.setdefault(each["tenant"], {}).setdefault(each["service"], []).append(each["instance"])
    return services


def _write(
    options: Options, books: Books, play: Play, outlook: Outlook, real_seconds: float, faults: list[str]
) -> None:
    told = books.to_dict() | {
        "seed": options.seed,
        "rate": options.rate,
        "real_seconds": round(real_seconds, 1),
        "tracked": dict(outlook.tracked.most_common()),
        "own_services": outlook.own_services,
        "league": outlook.standings,
        "functions": dict(used(play.tally)),
        "players": play.tally.to_dict(),
        "missed": faults,
    }
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(told, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def _options(arguments: Sequence[str] | None) -> Options:
    parser = argparse.ArgumentParser(prog="python -m exercise.demo", description=__doc__)
    parser.add_argument("--reports", type=int, default=1660, help="submissions in all, faulty ones included")
    parser.add_argument("--seed", type=int, default=20210418, help="the same seed is the same day")
    parser.add_argument("--rate", type=float, default=600.0, help="domain seconds in a real second")
    parser.add_argument("--drain", type=float, default=90.0, help="real seconds for the work's tail")
    parser.add_argument("--fewest", type=int, default=FEWEST_REPORTS, help="accepted reports to succeed")
    parser.add_argument("--out", type=Path, default=Path("var/demo.json"), help="where the books are written")
    parser.add_argument(
        "--keep", action="store_true", help="leave logs and data where they are, to look into"
    )
    parser.add_argument(
        "--after-setup",
        action="store_true",
        help="what scripts/setup installs, such as the font of PDFs, must be there",
    )
    return Options(**vars(parser.parse_args(arguments)))


if __name__ == "__main__":
    sys.exit(main())
