"""A rolling day of a town's assignments: dispatch's own choice against nearest-first and the plan found in hindsight.

A simulated day, seeded: cases come in waves over a town, each worker goes from case to case in the order in which
they were asked. Nobody moves before a case is filed, also in hindsight; hindsight knows what will be filed.
"""

import math
import random
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from qipan.contracts.case import Place
from qipan.contracts.events import Outcome, ReportTriaged
from qipan.tenancy import Limits, Matter, Severity, Unit, Words
from qipan.territory.coordinates import Point
from qipan.worktime import Limit
from services.dispatch.availability import Availability, Presence
from services.dispatch.choosing import Situation, choose
from services.dispatch.matching import rematched
from services.dispatch.policy import USUAL_POLICY, Policy
from services.dispatch.squads import Squad
from services.dispatch.travel import USUAL_TRAVEL

CENTRE: Point = (120.085, 30.325)
DEGREES = (0.0104, 0.0090)
"""A kilometre in degrees east and north, there."""

MORNING = datetime(2026, 3, 9, tzinfo=UTC)
HOUR = Limit.parse("1 hour")
MATTER = Matter(
    "s:06010",
    Words("暴露垃圾", "Exposed rubbish"),
    "sanitation",
    Limits(HOUR, HOUR, HOUR),
    Severity.NORMAL,
    False,
    (),
    (),
    "",
)


@dataclass(frozen=True, slots=True)
class Job:
    """A case of the day: filed at a minute of it, at a place, taking so many minutes there."""

    filed: float
    at: Point
    work: float


@dataclass(frozen=True, slots=True)
class Day:
    """What a day brings, and where its workers begin."""

    jobs: tuple[Job, ...]
    bases: tuple[Point, ...]


Plan = list[list[int]]
"""For each worker the jobs, in the order in which they are done."""


def day(seed: int, workers: int, cases: int, hours: float = 10.0, side: float = 8.0) -> Day:
    """A day of a town `side` kilometres across: two waves, three places where much happens, a fifth anywhere."""
    chance = random.Random(seed)

    def somewhere() -> Point:
        return _point(chance.uniform(-side / 2, side / 2), chance.uniform(-side / 2, side / 2))

    busy = [(chance.uniform(-side / 3, side / 3), chance.uniform(-side / 3, side / 3)) for _ in range(3)]

    def place() -> Point:
        if chance.random() < 0.2:
            return somewhere()
        east, north = chance.choice(busy)
        return _point(chance.gauss(east, side / 10), chance.gauss(north, side / 10))

    def moment() -> float:
        peak = chance.choice((0.25, 0.7))
        at = chance.gauss(peak, 0.12) if chance.random() < 0.6 else chance.random()
        return min(max(at, 0.0), 0.999) * hours * 60

    filed = sorted(math.floor(moment()) for _ in range(cases))
    jobs = tuple(Job(minute, place(), min(chance.lognormvariate(2.85, 0.5), 90.0)) for minute in filed)
    return Day(jobs, tuple(somewhere() for _ in range(workers)))


def arrivals(today: Day, plan: Plan) -> list[float]:
    """Minutes from filing to arrival, by job."""
    found = [0.0] * len(today.jobs)
    for base, jobs in zip(today.bases, plan, strict=True):
        for job, waited, _ in _round(today, base, jobs):
            found[job] = waited
    return found


def burdens(today: Day, plan: Plan) -> list[float]:
    """Minutes on the way and at work, by worker."""
    return [
        sum(spent for _, _, spent in _round(today, base, jobs))
        for base, jobs in zip(today.bases, plan, strict=True)
    ]


def _round(today: Day, base: Point, jobs: Sequence[int]) -> list[tuple[int, float, float]]:
    """Each job of a worker with the minutes from filing to arrival, and those spent on it."""
    at, free, found = base, 0.0, []
    for index in jobs:
        job = today.jobs[index]
        travel = USUAL_TRAVEL.minutes(at, job.at)
        arrived = max(free, job.filed) + travel
        at, free = job.at, arrived + job.work
        found.append((index, arrived - job.filed, travel + job.work))
    return found


def jain(burden: Sequence[float]) -> float:
    """Jain's index of fairness: 1 when all have the same, 1/n when one has everything."""
    square = sum(burden) ** 2
    return square / (len(burden) * sum(one * one for one in burden)) if square else 1.0


Chooser = Callable[[Sequence[Job], Sequence[Point], Sequence[int]], list[int]]
"""From jobs filed together, workers' last places and open cases to a worker for each job."""


def rolled(today: Day, chooser: Chooser) -> Plan:
    """The plan of a chooser that learns of each job when it is filed, those of one minute together."""
    plan: Plan = [[] for _ in today.bases]
    by_minute: dict[float, list[int]] = {}
    for index, job in enumerate(today.jobs):
        by_minute.setdefault(job.filed, []).append(index)
    for minute, indexes in by_minute.items():
        places, has = _now(today, plan, minute)
        for index, worker in zip(
            indexes, chooser([today.jobs[i] for i in indexes], places, has), strict=True
        ):
            plan[worker].append(index)
    return plan


def _now(today: Day, plan: Plan, minute: float) -> tuple[list[Point], list[int]]:
    """Where each worker was last, and how many cases are not done yet."""
    places, has = [], []
    for base, jobs in zip(today.bases, plan, strict=True):
        at, open_cases = base, 0
        for index, waited, _ in _round(today, base, jobs):
            job = today.jobs[index]
            arrived = job.filed + waited
            if arrived <= minute:
                at = job.at
            open_cases += arrived + job.work > minute
        places.append(at)
        has.append(open_cases)
    return places, has


def nearest_first(jobs: Sequence[Job], places: Sequence[Point], has: Sequence[int]) -> list[int]:
    """Whoever is nearest of those with nothing to do; when all are busy, whoever is nearest."""
    open_cases, found = list(has), []
    for job in jobs:
        free = [w for w, many in enumerate(open_cases) if not many] or list(range(len(places)))
        worker = min(free, key=lambda w: USUAL_TRAVEL.minutes(places[w], job.at))
        open_cases[worker] += 1
        found.append(worker)
    return found


def dispatch(policy: Policy) -> Chooser:
    """Dispatch's own choice under a policy, as filing makes it."""

    def chooser(jobs: Sequence[Job], places: Sequence[Point], has: Sequence[int]) -> list[int]:
        ids = [f"w{number:03d}" for number in range(len(places))]
        unit = Unit("t/u", MATTER.name, "t", "t", MATTER.department, tuple(ids))
        squads = (Squad(unit, tuple((id, frozenset()) for id in ids)),)
        field = Availability({id: Presence(at=at) for id, at in zip(ids, places, strict=True)})
        before = dict(zip(ids, has, strict=True))
        loads, choices = dict(before), []
        for job in jobs:
            choice = choose(_situation(job, squads, loads, policy, field))
            if choice is None or choice.worker is None:
                raise RuntimeError("nobody was chosen")
            loads[choice.worker] += 1
            choices.append(choice)
        if policy.together:
            choices = rematched(choices, before, policy.load_minutes)
        return [ids.index(choice.worker or "") for choice in choices]

    return chooser


def _situation(
    job: Job, squads: tuple[Squad, ...], loads: Mapping[str, int], policy: Policy, field: Availability
) -> Situation:
    at = MORNING + timedelta(minutes=job.filed)
    report = ReportTriaged(
        report_id="r",
        outcome=Outcome.FILE,
        matter=MATTER.code,
        place=Place(lon=job.at[0], lat=job.at[1]),
        summary="",
        channel="app",
        received_at=at,
        triaged_at=at,
    )
    return Situation("t", report, MATTER, squads, loads, at, policy, field)


def hindsight(today: Day, start: Plan, steps: int, seed: int = 1, heat: float = 0.1) -> Plan:
    """The best plan found when the whole day is known: from `start` by annealing, never worse than it.

    It makes mean and p90 of arrival small together. Finding the true optimum is NP-hard; this is as near as
    `steps` moves (one job to another place in somebody's order) come. `heat` is how many minutes worse a move may
    be at first; the fewer the jobs, the more it must be to leave a plan that no single move improves.
    """
    chance = random.Random(seed)
    plan = [list(jobs) for jobs in start]
    waits = arrivals(today, plan)
    now = best = _cost(waits)
    found = [list(jobs) for jobs in plan]
    for step in range(steps):
        one = chance.choices(range(len(plan)), weights=[len(jobs) for jobs in plan])[0]
        other = chance.randrange(len(plan))
        old = {one: plan[one], other: plan[other]}
        new = {worker: list(jobs) for worker, jobs in old.items()}
        job = new[one].pop(chance.randrange(len(new[one])))
        new[other].insert(_near(today, new[other], job, chance), job)
        changed = {
            index: waited
            for worker, jobs in new.items()
            for index, waited, _ in _round(today, today.bases[worker], jobs)
        }
        tried = list(waits)
        for index, waited in changed.items():
            tried[index] = waited
        cost = _cost(tried)
        warm = heat * 0.005 ** (step / steps)
        if cost <= now or chance.random() < math.exp((now - cost) / warm):
            for worker, jobs in new.items():
                plan[worker] = jobs
            waits, now = tried, cost
            if now < best:
                best, found = now, [list(jobs) for jobs in plan]
    return found


def _near(today: Day, jobs: Sequence[int], job: int, chance: random.Random) -> int:
    """A place in somebody's order, at or beside the one that the job's minute would give it."""
    by_minute = sum(today.jobs[other].filed <= today.jobs[job].filed for other in jobs)
    return min(max(by_minute + chance.choice((-2, -1, 0, 0, 0, 1, 2)), 0), len(jobs))


def _cost(waits: Sequence[float]) -> float:
    return statistics.fmean(waits) + p90(waits)


def p90(waits: Sequence[float]) -> float:
    """What nine of ten do not exceed (nearest rank)."""
    return sorted(waits)[math.ceil(0.9 * len(waits)) - 1]


def measure(workers: int = 12, cases: int = 200, days: int = 5, steps: int = 60_000) -> dict[str, Any]:
    """Minutes to arrival and fairness of load by each way of choosing, the median of some days."""
    together = replace(USUAL_POLICY, together=True)
    ways = {
        "nearest_first": nearest_first,
        "one_by_one": dispatch(USUAL_POLICY),
        "matched": dispatch(together),
    }
    taken: dict[str, list[dict[str, float]]] = {way: [] for way in (*ways, "hindsight")}
    for seed in range(days):
        today = day(seed, workers, cases)
        plans = {way: rolled(today, chooser) for way, chooser in ways.items()}
        start = min(plans.values(), key=lambda plan: _cost(arrivals(today, plan)))
        plans["hindsight"] = hindsight(today, start, steps)
        for way, plan in plans.items():
            taken[way].append(_figures(today, plan))
    found: dict[str, Any] = {"workers": workers, "cases": cases, "days": days, "steps": steps}
    for way, figures in taken.items():
        found[way] = {name: round(statistics.median(one[name] for one in figures), 3) for name in figures[0]}
    for way in ("one_by_one", "matched"):
        found[f"{way}_to_nearest_first"] = round(
            found[way]["p90_arrival"] / found["nearest_first"]["p90_arrival"], 3
        )
        found[f"{way}_to_hindsight"] = round(found[way]["p90_arrival"] / found["hindsight"]["p90_arrival"], 3)
    return found


def _figures(today: Day, plan: Plan) -> dict[str, float]:
    waits, burden = arrivals(today, plan), burdens(today, plan)
    return {"p90_arrival": p90(waits), "mean_arrival": statistics.fmean(waits), "fairness": jain(burden)}


def _point(east: float, north: float) -> Point:
    return CENTRE[0] + east * DEGREES[0], CENTRE[1] + north * DEGREES[1]
