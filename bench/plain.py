"""A district of equal towns on a plain, as many as wanted."""

import random
from pathlib import Path

from qipan.tenancy.from_rows import build_pack
from qipan.tenancy.mapping import ReplayMapping

OWN_SERVICES = 10
CELLS = 1200
MATTERS = 40
OWN_DISPATCH = """
[[services]]
name = "dispatch"
replaces = "dispatch"
replicas = 1
"""


def synthetic_pack(folder: Path, towns: int) -> Path:
    """A district of `towns` equal towns on a plain, the same cells and matters whatever their number.

    The first `OWN_SERVICES` have a dispatch of their own.
    """
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
