"""A day as a plan: who reports what, where and when. The same scenario and seed give the same day."""

import random
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from enum import StrEnum
from itertools import accumulate
from zoneinfo import ZoneInfo

from shapely import Point

from exercise.scenario import Gauge, MatterMix, Scenario
from qipan.territory import Cell

_NEARBY = 0.00008
"""Degrees (some 9 m): how far a neighbour's report of the same thing lies from the first."""


class Flaw(StrEnum):
    """What is wrong with a submission that must be refused."""

    NOT_JSON = "not-json"
    UNKNOWN_FIELD = "unknown-field"
    TEXT_TOO_LONG = "text-too-long"
    OUTSIDE = "outside"
    NO_SUCH_MATTER = "no-such-matter"
    KEY_REUSED = "key-reused"


@dataclass(frozen=True, slots=True)
class Submission:
    """One report as somebody sends it; `at` is domain time, UTC.

    `key` is the client's idempotency key. `repeat_of` marks the same thing sent again with the same key;
    `flaw` marks one that must be refused.
    """

    key: str
    at: datetime
    town: str
    channel: str
    text: str
    lon: float
    lat: float
    matter: str | None = None
    self_disposed: bool = False
    repeat_of: str | None = None
    flaw: Flaw | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """One measurement as the gauge sends it."""

    key: str
    at: datetime
    gauge: Gauge
    value: float
    lon: float
    lat: float


@dataclass(frozen=True, slots=True)
class DayPlan:
    """A day, in the order of time."""

    begins: datetime
    seed: int
    submissions: tuple[Submission, ...]
    readings: tuple[Reading, ...]


@dataclass(frozen=True, slots=True)
class Ground:
    """What the plan needs to know of a district: its duty cells, the time zone, which matters are small."""

    cells: tuple[Cell, ...]
    zone: str
    self_disposable: frozenset[str] = frozenset()


def plan_day(scenario: Scenario, ground: Ground, *, reports: int, seed: int) -> DayPlan:
    """Plan a day of `reports` submissions, repeats and faulty ones included, in every town with cells."""
    rng = random.Random(f"{scenario.id}/{seed}")
    zone = ZoneInfo(ground.zone)
    begins = datetime.combine(scenario.date, time(0), zone)
    extra = round(reports * scenario.shares.repeated) + round(reports * scenario.shares.neighbour)
    faulty = round(reports * scenario.shares.faulty)
    writer = _Writer(scenario, ground, begins, rng)
    towns = writer.every_town_once()
    plain = [writer.submission(number, town) for number, town in enumerate(towns)]
    plain += [writer.submission(number) for number in range(len(towns), reports - extra - faulty)]
    repeated = rng.sample(plain, min(len(plain), round(reports * scenario.shares.repeated)))
    told = rng.sample(plain, min(len(plain), round(reports * scenario.shares.neighbour)))
    submissions = [
        *plain,
        *(replace(first, at=first.at + _soon(rng), repeat_of=first.key) for first in repeated),
        *(writer.neighbour(number, first) for number, first in enumerate(told)),
        *(writer.faulty(number, rng.choice(plain)) for number in range(faulty)),
    ]
    readings = _readings(scenario.gauge, writer, begins)
    return DayPlan(begins, seed, tuple(sorted(submissions, key=lambda each: each.at)), tuple(readings))


class _Writer:
    """Draws submissions for one day."""

    def __init__(self, scenario: Scenario, ground: Ground, begins: datetime, rng: random.Random) -> None:
        self._scenario, self._ground, self._begins, self._rng = scenario, ground, begins, rng
        self._cells: dict[str, list[Cell]] = {}
        for cell in ground.cells:
            self._cells.setdefault(cell.town, []).append(cell)
        self._towns = sorted(self._cells)
        people = [sum(cell.population or 1 for cell in self._cells[town]) for town in self._towns]
        self._town_weights = list(accumulate(people))
        self._matter_weights = list(accumulate(mix.weight for mix in scenario.matter))
        self._hour_weights = list(accumulate(scenario.hours.weights))
        self._channels = list(scenario.channels)
        self._channel_weights = list(accumulate(scenario.channels.values()))

    def every_town_once(self) -> list[str]:
        return list(self._towns)

    def submission(self, number: int, town: str | None = None) -> Submission:
        rng, scenario = self._rng, self._scenario
        town = town or rng.choices(self._towns, cum_weights=self._town_weights)[0]
        channel = rng.choices(self._channels, cum_weights=self._channel_weights)[0]
        mix: MatterMix = rng.choices(scenario.matter, cum_weights=self._matter_weights)[0]
        unclear = channel in ("citizen-app", "hotline") and rng.random() < scenario.shares.unclear * 1.4
        words = scenario.unclear if unclear else mix
        language = words.en if rng.random() < scenario.language.en else words.zh
        coded = not unclear and rng.random() < scenario.coded.get(channel, 0.0)
        small = channel == "grid" and coded and mix.code in self._ground.self_disposable
        lon, lat = self.point(town)
        return Submission(
            key=f"{scenario.id}-{number:06d}",
            at=self._moment(),
            town=town,
            channel=channel,
            text=rng.choice(language),
            lon=lon,
            lat=lat,
            matter=mix.code if coded else None,
            self_disposed=small and rng.random() < scenario.self_disposed.share,
        )

    def neighbour(self, number: int, first: Submission) -> Submission:
        """Somebody else tells of the same thing, a few steps away and a little later."""
        return replace(
            first,
            key=f"{self._scenario.id}-n{number:05d}",
            at=first.at + _soon(self._rng),
            lon=round(first.lon + self._rng.uniform(-_NEARBY, _NEARBY), 6),
            lat=round(first.lat + self._rng.uniform(-_NEARBY, _NEARBY), 6),
            channel="citizen-app",
            self_disposed=False,
        )

    def faulty(self, number: int, model: Submission) -> Submission:
        flaw = list(Flaw)[number % len(Flaw)]
        broken = replace(model, key=f"{self._scenario.id}-x{number:05d}", flaw=flaw, self_disposed=False)
        match flaw:
            case Flaw.TEXT_TOO_LONG:
                return replace(broken, text=model.text * (4001 // len(model.text) + 1))
            case Flaw.OUTSIDE:
                return replace(broken, lon=116.39, lat=39.9)
            case Flaw.NO_SUCH_MATTER:
                return replace(broken, matter="s:99999")
            case Flaw.KEY_REUSED:
                return replace(broken, repeat_of=model.key, at=model.at + _soon(self._rng))
            case _:
                return broken

    def point(self, town: str) -> tuple[float, float]:
        """A place in the town: a duty cell by its people, anywhere within it (WGS-84, six decimals)."""
        cells = self._cells[town]
        cell = self._rng.choices(cells, [cell.population or 1 for cell in cells])[0]
        west, south, east, north = cell.shape.bounds
        for _ in range(100):
            lon, lat = round(self._rng.uniform(west, east), 6), round(self._rng.uniform(south, north), 6)
            if cell.shape.contains(Point(lon, lat)):
                return lon, lat
        inside = cell.shape.representative_point()
        return inside.x, inside.y

    def _moment(self) -> datetime:
        hour = self._rng.choices(range(24), cum_weights=self._hour_weights)[0]
        return self._begins + timedelta(hours=hour + self._rng.random())


def _soon(rng: random.Random) -> timedelta:
    return timedelta(minutes=rng.uniform(1, 25))


def _readings(gauge: Gauge, writer: _Writer, begins: datetime) -> list[Reading]:
    lon, lat = writer.point(gauge.town)
    return [
        Reading(
            key=f"{gauge.device}-{number:04d}",
            at=begins + timedelta(hours=gauge.from_hour, minutes=number * gauge.every_minutes),
            gauge=gauge,
            value=value,
            lon=lon,
            lat=lat,
        )
        for number, value in enumerate(gauge.levels)
    ]
