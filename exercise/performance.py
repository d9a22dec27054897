"""A day performed: every player at their place, until the plan is sent and the work is done or time is up."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from exercise.day import DayPlan, Submission
from exercise.ledger import Ledger
from exercise.players.acceptors import Acceptors
from exercise.players.asides import Asides
from exercise.players.cast import NobodyThere
from exercise.players.dispatchers import Dispatchers
from exercise.players.field_log import Backup, Instructions
from exercise.players.followers import Followers
from exercise.players.grid_workers import GridWorkers
from exercise.players.handlers import Handlers
from exercise.players.handovers import TownHandovers, UnitHandovers
from exercise.players.machines import Gauges
from exercise.players.mandates import Mandates
from exercise.players.modes import Modes
from exercise.players.offline import Offline
from exercise.players.pace import Deadline
from exercise.players.play import Play
from exercise.players.raters import Raters
from exercise.players.reporters import Reporters
from exercise.players.rosters import Rosters
from exercise.players.shift_leaders import ShiftLeaders
from exercise.players.shifts import Shifts
from exercise.players.supervisors import Supervisors
from exercise.players.time_askers import TimeAskers
from exercise.players.together import Together
from exercise.players.verifiers import Verifiers
from exercise.players.wall import Player, Wall
from exercise.players.whistles import Whistles
from qipan.tenancy import District, Person

_CALM = 4.0
"""Real seconds without an open case after which a day is over: longer than any event is on its way."""


@dataclass(frozen=True, slots=True)
class Moment:
    """How far the performance is. `now` is domain time."""

    now: datetime
    planned: int
    sent: int
    accepted: int
    open: int
    closed: int


async def perform(
    district: District,
    plan: DayPlan,
    play: Play,
    ledger: Ledger,
    *,
    gauge_token: str,
    drain_seconds: float,
    watch: Callable[[Moment], None],
) -> None:
    """Play the plan, then let the work drain for at most `drain_seconds` real seconds.

    `gauge_token` lets the plan's gauge send its readings; `watch` is told twice a second how far it is.
    """
    raters = Raters(play)
    reporters = Reporters(play, ledger, lambda submission: signer(district, play, submission), raters.heard)
    handlers = Handlers(play, _asides(district, play), Offline(play))
    roles: list[Player] = [
        Dispatchers(play, district),
        handlers,
        GridWorkers(play),
        ShiftLeaders(play),
        Followers(play),
    ]
    walls = [Wall(play, town.id, play.cast.one("supervisor", town.id), roles) for town in district.towns]

    def moment() -> Moment:
        return Moment(
            now=play.pace.now(),
            planned=len(plan.submissions),
            sent=reporters.sent,
            accepted=play.tally.of("reporter", "accepted"),
            open=sum(wall.open for wall in walls),
            closed=play.tally.of("shift-leader", "close"),
        )

    async with asyncio.TaskGroup() as players:
        staff = [players.create_task(wall.run()) for wall in walls]
        staff += [players.create_task(seats.run()) for seats in _acceptors(district, play)]
        staff += [players.create_task(desk.run()) for desk in _supervisors(district, play)]
        staff.append(players.create_task(raters.run()))
        for desk in (
            Mandates(play, district),
            Modes(play, plan.readings[0].gauge.town),
            Shifts(play, district),
            Rosters(play, district),
        ):
            staff.append(players.create_task(desk.run(plan.begins)))
        staff.append(players.create_task(_tell(watch, moment)))
        staff.append(players.create_task(Gauges(play, gauge_token).run(plan.readings)))
        await reporters.run(plan.submissions)
        await _drain(walls, Deadline(drain_seconds))
        for task in staff:
            task.cancel()


def signer(district: District, play: Play, submission: Submission) -> Person | None:
    """Who signs: a grid worker for what they saw on their round, nobody for the rest."""
    if submission.channel != "grid":
        return None
    place = district.territory.locate(submission.lon, submission.lat)
    try:
        return play.cast.walker(place.cells.get("duty", "") if place else "", submission.town)
    except NobodyThere:
        return None


def _asides(district: District, play: Play) -> Asides:
    """What may happen to a case that is in hand, and to how many of all cases."""
    return Asides(
        play,
        (
            (Together(play, district), 0.025),
            (Whistles(play, district), 0.012),
            (TimeAskers(play, district), 0.06),
            (UnitHandovers(play, district), 0.012),
            (TownHandovers(play, district), 0.018),
            (Instructions(play), 0.01),
            (Backup(play), 0.01),
        ),
    )


def _acceptors(district: District, play: Play) -> list[Acceptors]:
    verifiers = Verifiers(play, district)
    return [
        Acceptors(
            play,
            town.id,
            play.cast.one("acceptor", town.id),
            sorted(district.matters_of(town.id)),
            verifiers,
        )
        for town in district.towns
    ]


def _supervisors(district: District, play: Play) -> list[Supervisors]:
    return [Supervisors(play, town.id, play.cast.one("supervisor", town.id)) for town in district.towns]


async def _tell(watch: Callable[[Moment], None], moment: Callable[[], Moment]) -> None:
    while True:
        watch(moment())
        await asyncio.sleep(0.5)


async def _drain(walls: list[Wall], deadline: Deadline) -> None:
    calm = Deadline(_CALM)
    while not deadline.over and not calm.over:
        await asyncio.sleep(0.2)
        if any(wall.open for wall in walls):
            calm = Deadline(_CALM)
