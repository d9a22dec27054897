"""What a case costs when many are stored, and when there are many towns.

Two districts are compared, each with a broker and a database of its own, by turns: the one that is not measured is
paused, so that neither counts the other's work, and what the machine does meanwhile meets both.
"""

import statistics
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.ours import Ours, district
from bench.pairs import measure
from bench.plain import OWN_SERVICES, synthetic_pack
from bench.reports import Reports
from qipan.hosting.embedded import EmbeddedBroker, EmbeddedPostgres

FILL_BULK = 200
FEW_STORED = 1000
WARM = 50


def by_stored(base: Path, pack: Path, many: int, rounds: int, cases: int) -> dict[str, Any]:
    """CPU per case with few and with `many` cases stored. What is measured is stored, too: few become a few more."""
    with _alone(base, "few", pack) as small, _alone(base, "many", pack) as large:
        sides = [(ours, Reports(ours.running.district, seed=51)) for ours in (small, large)]
        for (ours, reports), until in zip(sides, (FEW_STORED, many), strict=True):
            _fill(ours, reports, until)
        found = _by_turns(sides, rounds, cases)
        return {
            "few": FEW_STORED,
            "few_in_the_end": small.stored(),
            "many": large.stored(),
            "cpu_ms_few": found["cpu_ms"][0],
            "cpu_ms_many": found["cpu_ms"][1],
            "ratio": found["ratio"],
            "ratios": found["ratios"],
        }


def by_towns(base: Path, counts: Sequence[int], rounds: int, cases: int) -> dict[str, Any]:
    """CPU per case with few and with many towns, `OWN_SERVICES` of them with a dispatch of their own; two ratios.

    `own`: reports only to the towns with a dispatch of their own, which are the same in number in both districts.
    `core`: the core serves all towns, after the towns' own services have left, and reports go to all of them.
    Were reports to all towns while some serve themselves, the ratio would also be one of own services to the
    core's: of ten towns all have one, of two hundred one in twenty. `ratio` is the larger of both.
    """
    fewest, most = min(counts), max(counts)
    with (
        _alone(base, f"towns{fewest}", synthetic_pack(base / "few-towns", fewest), own=True) as small,
        _alone(base, f"towns{most}", synthetic_pack(base / "many-towns", most), own=True) as large,
    ):
        both = (small, large)
        found = {"own": _by_turns([(ours, _told(ours, _owners(ours))) for ours in both], rounds, cases)}
        for ours in both:
            for town in _owners(ours):
                ours.running.host.retire("dispatch", town)
        found["core"] = _by_turns([(ours, _told(ours)) for ours in both], rounds, cases)
    return {
        "own_services": OWN_SERVICES,
        **{
            way: {**each, "cpu_ms": dict(zip((str(fewest), str(most)), each["cpu_ms"], strict=True))}
            for way, each in found.items()
        },
        "ratio": max(each["ratio"] for each in found.values()),
    }


def _owners(ours: Ours) -> list[str]:
    return sorted({spec.tenant for spec in ours.running.district.services})


def _told(ours: Ours, towns: Collection[str] = ()) -> Reports:
    """Reports to some towns, or all; the district has handled a thousand of them."""
    reports = Reports(ours.running.district, seed=52 + len(towns), towns=towns)
    ours.send(reports.take(FEW_STORED), bulk=FILL_BULK)
    return reports


def _by_turns(sides: Sequence[tuple[Ours, Reports]], rounds: int, cases: int) -> dict[str, Any]:
    """Median CPU per case of both sides, and of the second ÷ the first, pair by pair."""
    costs: tuple[list[float], list[float]] = ([], [])
    for ours, _ in sides:
        ours.pause("STOP")
    for turn in range(rounds):
        for which in (1, 0) if turn % 2 else (0, 1):
            ours, reports = sides[which]
            ours.pause("CONT")
            ours.send(reports.take(WARM))  # what a process does first after a pause is not the case's cost
            costs[which].append(measure(ours, reports, cases, 1)["cpu_ms_per_case"])
            ours.pause("STOP")
    for ours, _ in sides:
        ours.pause("CONT")
    ratios = [large / small for small, large in zip(*costs, strict=True)]
    return {
        "cpu_ms": [round(statistics.median(each), 3) for each in costs],
        "ratio": round(statistics.median(ratios), 3),
        "ratios": [round(ratio, 3) for ratio in ratios],
    }


@contextmanager
def _alone(base: Path, name: str, pack: Path, *, own: bool = False) -> Iterator[Ours]:
    """A district with servers of its own."""
    with (
        EmbeddedBroker(base / f"{name}-broker", ephemeral=True) as broker,
        EmbeddedPostgres(base / f"{name}-postgres", ephemeral=True) as postgres,
        district(base, broker, postgres, name, pack, own_services=own) as ours,
    ):
        yield ours


def _fill(ours: Ours, reports: Reports, until: int) -> None:
    while (missing := until - ours.stored()) > 0:
        ours.send(reports.take(min(missing, 5000)), bulk=FILL_BULK)
