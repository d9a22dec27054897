"""Surge warnings on days held back: false alarms and misses, beside a plain threshold.

Matters with levels, weekly rhythms, a season and a scatter of their own are made up for a year; on some of the days
held back a surge is planted. Where a file of a city's requests is there, the same is done on its real days. The plain
threshold is one number for each matter: its mean over what was learned and so many standard deviations.
"""

import csv
from collections import Counter, defaultdict
from datetime import date, datetime, timedelta
from math import pi, sin, sqrt
from pathlib import Path
from random import Random
from statistics import fmean, pstdev
from typing import Any

from services.analytics import surge

FIRST = date(2025, 1, 6)
DAYS = 364
HELD_BACK = 120
PLANTED = 0.04
MATTERS = 40
OTHERS = (2.4, 2.7)
"""Other strictnesses of the seasonal limit, to compare at like rates of false alarms."""

PLAIN = (2.0, 2.5, 3.0, 4.0)
"""How many standard deviations above the mean the plain threshold warns."""

Days = dict[date, int]


def measure(file: Path | None = None, seed: int = 11) -> dict[str, Any]:
    """Ours and the plain thresholds on made-up matters and, where there is a file, on its days."""
    dice = Random(seed)
    made = {f"matter {number}": _made_up(dice) for number in range(MATTERS)}
    found: dict[str, Any] = {"made_up": _compare(made, Random(seed + 1))}
    if file is not None and file.exists():
        found["real_days"] = _compare(_real(file), Random(seed + 2))
    ours = found["made_up"]["seasonal"]
    return {"false_alarms": ours["false_alarms"], "misses": ours["misses"], **found}


def _made_up(dice: Random) -> Days:
    level = dice.choice((2, 5, 10, 20, 40, 80))
    weekend, season, wide = dice.uniform(0.3, 1.3), dice.uniform(0, 0.4), dice.uniform(0, 0.15)
    days = {}
    for number in range(DAYS):
        day = FIRST + timedelta(days=number)
        usual = level * (weekend if day.weekday() >= 5 else 1.0) * (1 + season * sin(2 * pi * number / 365))
        days[day] = _poisson(dice, max(0.05, usual * dice.gauss(1, wide)))
    return days


def _real(file: Path) -> dict[str, Days]:
    """The days of the largest agencies of a city's file, as the file has them."""
    counts: dict[str, Counter[date]] = defaultdict(Counter)
    with file.open(encoding="utf-8-sig", newline="") as text:
        for row in csv.DictReader(text):
            day = datetime.strptime(row["CreatedDate"], "%m/%d/%Y %I:%M:%S %p").date()  # noqa: DTZ007 days only
            counts[row["Agency"]][day] += 1
    largest = sorted(counts, key=lambda agency: -counts[agency].total())[:4]
    last = max(day for agency in largest for day in counts[agency])
    span = [last - timedelta(days=ago) for ago in range(DAYS)]
    return {agency: {day: counts[agency][day] for day in span} for agency in largest}


def _compare(matters: dict[str, Days], dice: Random) -> dict[str, Any]:
    tallies: dict[str, Counter[str]] = defaultdict(Counter)
    for days in matters.values():
        ordered = sorted(days)
        learned, held = ordered[:-HELD_BACK], ordered[-HELD_BACK:]
        mean, scatter = fmean(days[day] for day in learned), pstdev(days[day] for day in learned)
        seen = {day: days[day] for day in learned}
        for day in held:
            planted = dice.random() < PLANTED
            usual = max(1.0, fmean(days[one] for one in learned[-28:]))
            count = days[day] + (_poisson(dice, usual + 4 * sqrt(usual) + 4) if planted else 0)
            normal = surge.normal(day, seen, ordered[0])
            said = {"seasonal": normal is not None and normal.exceeded(count)}
            for z in OTHERS:
                other = surge.normal(day, seen, ordered[0], z)
                said[f"seasonal, z {z:g}"] = other is not None and other.exceeded(count)
            for width in PLAIN:
                said[f"plain mean + {width:g} sd"] = (
                    count >= surge.LEAST_COUNT and count > mean + width * scatter
                )
            for way, warned in said.items():
                tallies[way]["planted" if planted else "usual"] += 1
                tallies[way]["misses"] += planted and not warned
                tallies[way]["false alarms"] += warned and not planted
            seen[day] = count
    return {way: _rates(tally) for way, tally in tallies.items()}


def _rates(tally: Counter[str]) -> dict[str, Any]:
    return {
        "days": tally["usual"],
        "surges": tally["planted"],
        "false_alarms": round(tally["false alarms"] / tally["usual"], 5),
        "misses": round(tally["misses"] / max(tally["planted"], 1), 4),
    }


def _poisson(dice: Random, mean: float) -> int:
    """A number of independent happenings of which so many are expected."""
    at, number = dice.expovariate(1), 0
    while at < mean:
        at += dice.expovariate(1)
        number += 1
    return number
