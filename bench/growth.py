"""What a case costs when many are stored, and when there are many towns."""

import random
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.ours import Ours, district
from bench.pairs import measure
from bench.reports import Reports
from qipan.hosting.embedded import EmbeddedBroker, EmbeddedPostgres
from qipan.tenancy.from_rows import build_pack
from qipan.tenancy.mapping import ReplayMapping

FILL_BULK = 200
OWN_SERVICES = 10
CELLS = 1200
MATTERS = 40
OWN_DISPATCH = """
[[services]]
name = "dispatch"
replaces = "dispatch"
replicas = 1
"""


def by_stored(ours: Ours, few: int, many: int, rounds: int, cases: int) -> dict[str, Any]:
    """CPU per case with `few` and with `many` cases stored, each the median of `rounds`."""
    reports = Reports(ours.running.district, seed=51)
    _fill(ours, reports, few)
    small = _cost(ours, reports, rounds, cases)
    _fill(ours, reports, many)
    large = _cost(ours, reports, rounds, cases)
    return {
        "few": few,
        "many": ours.stored(),
        "cpu_ms_few": small,
        "cpu_ms_many": large,
        "ratio": round(large / small, 3),
    }


def by_towns(
    base: Path,
    broker: EmbeddedBroker,
    postgres: EmbeddedPostgres,
    counts: Sequence[int],
    rounds: int,
    cases: int,
) -> dict[str, Any]:
    """CPU per case with few and with many towns on the core, `OWN_SERVICES` of them with a dispatch of their own."""
    costs = {}
    for count in counts:
        pack = synthetic_pack(base / f"towns-{count}", count)
        with district(base, broker, postgres, f"towns{count}", pack, own_services=True) as ours:
            reports = Reports(ours.running.district, seed=52)
            _fill(ours, reports, 1000)
            costs[count] = _cost(ours, reports, rounds, cases)
    fewest, most = min(counts), max(counts)
    return {
        "own_services": OWN_SERVICES,
        "cpu_ms": {str(count): cost for count, cost in costs.items()},
        "ratio": round(costs[most] / costs[fewest], 3),
    }


def _fill(ours: Ours, reports: Reports, until: int) -> None:
    while (missing := until - ours.stored()) > 0:
        count = min(missing, 5000)
        stored = ours.stored()
        ours.send(reports.take(count), bulk=FILL_BULK)
        ours.wait_through(stored + count)


def _cost(ours: Ours, reports: Reports, rounds: int, cases: int) -> float:
    return round(
        statistics.median(measure(ours, reports, cases, 1)["cpu_ms_per_case"] for _ in range(rounds)), 3
    )


def synthetic_pack(folder: Path, towns: int) -> Path:
    """A district of `towns` equal towns on a plain, the same cells and matters whatever their number."""
    chance = random.Random(5)
    rows = []
    for number in range(12 * CELLS):
        lon, lat = chance.uniform(100.0, 100.4), chance.uniform(30.0, 30.4)
        side = max(1, round(towns**0.5))
        column, row = int((lon - 100.0) / 0.4 * side), int((lat - 30.0) / 0.4 * (towns / side))
        rows.append(
            {
                "id": str(number),
                "time": "2026-03-02 09:00",
                "lon": str(lon),
                "lat": str(lat),
                "town": f"Town {min(towns - 1, row * side + column):03d}",
                "matter": f"Matter {number % MATTERS:02d}",
                "department": f"Department {number % 6}",
            }
        )
    build_pack(rows, ReplayMapping.model_validate(MAPPING), folder)
    for town in sorted((folder / "towns").iterdir())[:OWN_SERVICES]:
        file = town / "town.toml"
        file.write_text(file.read_text(encoding="utf-8") + OWN_DISPATCH, encoding="utf-8")
    return folder


MAPPING = {
    "time_format": "%Y-%m-%d %H:%M",
    "text": "{matter}",
    "handlers": 2,
    "district": {
        "id": "plain",
        "code": "999901",
        "name": {"zh": "平原", "en": "Plain"},
        "zone": "Asia/Shanghai",
        "population": 1_000_000,
        "bounds": [99.9, 29.9, 100.5, 30.5],
    },
    "columns": {name: name for name in ("id", "time", "lon", "lat", "town", "matter", "department")},
    "cells": {"duty": CELLS, "communities": 200, "margin_metres": 100.0},
    "limits": {"accept": "1 work-hour", "dispose": "5 work-days", "inspect": "2 work-days"},
    "calendar": {"hours": ["09:00-17:00"], "days": "weekdays"},
}
