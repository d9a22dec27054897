"""`make bench`: writes var/bench.json. `--quick` makes every part small, to see that it works."""

import argparse
import json
import os
import platform
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench import (
    assigning,
    boards,
    calls,
    classifying,
    growth,
    latency,
    lifecycle,
    lists,
    locating,
    pairs,
    surges,
    visible,
)
from bench.desk import desk
from bench.ours import district
from qipan.hosting.embedded import EmbeddedBroker, EmbeddedPostgres
from qipan.tenancy import load_district

PACK = Path("districts/xihu")
BARS = {
    "cpu_ratio_single": 2.0,
    "cpu_ratio_bulk": 2.0,
    "growth_100k": 1.3,
    "growth_towns": 1.3,
    "locating_100k_cells": 2.0,
    "assigning_p90": 1.0,
    "list_statements": 5,
    "list_1m": 1.5,
    "lifecycle_1m": 1.3,
    "boards_1m": 1.3,
}
"""What each ratio should at most be; the file says what it is."""


def main() -> int:
    """Measure everything; 0 when it was measured, whether or not the bars were reached."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--out", type=Path, default=Path("var/bench.json"))
    parser.add_argument(
        "--csv", type=Path, help=f"service requests to learn from; or {classifying.CSV}; none: left out"
    )
    options = parser.parse_args()
    options.out.parent.mkdir(parents=True, exist_ok=True)
    result: dict[str, Any] = {}
    for part in run(quick=options.quick, csv=options.csv):
        result |= part
        options.out.write_text(json.dumps(result, indent=2) + "\n")  # a run cut short leaves what it measured
    for mode, found in result["pairs"].items():
        print(f"{mode}: ratios {found['ratios']}, the largest {found['spread']} times the smallest")
    for name, bar in BARS.items():
        print(f"{name} {result[name]} (bar {bar})")
    return 0


def run(*, quick: bool, csv: Path | None = None) -> Iterator[dict[str, Any]]:
    """The figures of one run on one machine, part by part."""
    rounds, cases, many, probes = (2, 200, 2_000, 20) if quick else (5, 1_000, 100_000, 200)
    counts = (10, 30) if quick else (10, 200)
    base = Path(tempfile.mkdtemp(prefix="qipan-bench-"))
    base.chmod(0o711)
    yield {"machine": f"{os.cpu_count()} cores, {platform.machine()}", "quick": quick}
    located = locating.measure(many=2_000, points=2_000, rounds=3) if quick else locating.measure()
    yield {"locating_100k_cells": located["ratio"], "locating": located}
    assigned = assigning.measure(workers=4, cases=40, days=2, steps=500) if quick else assigning.measure()
    yield {"assigning_p90": assigned["matched_to_nearest_first"], "assigning": assigned}
    named = csv or (Path(os.environ[classifying.CSV]) if os.environ.get(classifying.CSV) else None)
    yield {"surges": surges.measure(named)}
    if learned := classifying.measure(csv, rows=1_000 if quick else None):
        yield {"classifying": learned}
    with (
        EmbeddedBroker(base / "broker", ephemeral=True) as broker,
        EmbeddedPostgres(base / "postgres", ephemeral=True) as postgres,
        district(base, broker, postgres, "ours", PACK) as ours,
    ):
        raw_database = postgres.create_database("raw").replace("+psycopg", "")
        found = pairs.compare(ours, raw_database, broker.create_vhost("raw"), rounds, cases)
        yield {
            "cpu_ratio_single": found["single"]["ratio"],
            "cpu_ratio_bulk": found["bulk"]["ratio"],
            "pairs": found,
        }
        seconds = 2.0 if quick else 5.0
        yield {"calls": calls.compare(ours, broker.create_vhost("echo"), rounds, seconds)}
        rate = found["single"]["ours"]["cases_per_s"]
        yield {"accepted_to_list": latency.measure(ours, rate, probes)}
        yield {"accepted_to_board": visible.measure(ours, rate, probes)}
    towns = growth.by_towns(base, counts, rounds, cases)
    yield {"growth_towns": towns["ratio"], "towns": towns}
    stored = growth.by_stored(base, PACK, many, rounds, cases)
    yield {"growth_100k": stored["ratio"], "stored": stored}
    with EmbeddedPostgres(base / "stored", ephemeral=True) as postgres:
        yield among_many(postgres, quick=quick)
        few, most, times = (1_000, 5_000, 3) if quick else (10_000, 1_000_000, 60)
        seen = boards.compare(postgres, load_district(PACK), few, most, times)
        yield {"boards_1m": seen["ratio"], "boards": seen}


def among_many(postgres: EmbeddedPostgres, *, quick: bool) -> dict[str, Any]:
    """A page of a work list among 10,000 and among a million cases, a whole lifecycle among 1,000 and a million."""
    thousand, few, many = (200, 2_400, 4_800) if quick else (1_000, 10_000, 1_000_000)
    rounds, cases = (3, 3) if quick else (40, 40)
    pack = load_district(PACK)
    with desk(postgres, pack, many) as large:
        with desk(postgres, pack, few) as small:
            pages = lists.compare(small, large, rounds)
        with desk(postgres, pack, thousand) as small:
            ways = lifecycle.compare(small, large, max(1, rounds // 8), cases)
    return {
        "list_statements": pages["statements"],
        "list_1m": pages["ratio"],
        "lifecycle_1m": ways["ratio"],
        "lists": {"few": few, "many": many, **pages},
        "lifecycle": {"few": thousand, "many": many, **ways},
    }


if __name__ == "__main__":
    sys.exit(main())
