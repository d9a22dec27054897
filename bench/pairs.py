"""Ours against raw, interleaved, CPU of all processes per case, single and in bulk."""

import os
import signal
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from multiprocessing.process import BaseProcess
from typing import Any

import psycopg

from bench import raw, raw_tables
from bench.cpu import Layers, spent
from bench.ours import Ours, servers
from bench.reports import Reports
from bench.through import Through

BULK = 50


def compare(ours: Ours, raw_database: str, raw_broker: str, pairs: int, cases: int) -> dict[str, Any]:
    """Median of `pairs` interleaved pairs of `cases` each; the ratio is ours ÷ raw."""
    raw_tables.prepare(raw_database, raw_broker)
    reports = Reports(ours.running.district, seed=7)
    results: dict[str, list[dict[str, Any]]] = {"single": [], "bulk": []}
    with _raw(ours, raw_database, raw_broker) as theirs:
        ours.send(reports.take(300), bulk=BULK)  # warm caches and pools of both before anything counts
        theirs.measure(300, BULK)
        for number in range(pairs):
            for mode, bulk in (("single", 1), ("bulk", BULK)):
                pair: dict[str, Any] = {}
                for who in ("raw", "ours") if number % 2 else ("ours", "raw"):
                    if who == "ours":
                        theirs.signal("STOP")
                        pair["ours"] = measure(ours, reports, cases, bulk)
                        theirs.signal("CONT")
                    else:
                        ours.pause("STOP")
                        pair["raw"] = theirs.measure(cases, bulk)
                        ours.pause("CONT")
                pair["ratio"] = pair["ours"]["cpu_ms_per_case"] / pair["raw"]["cpu_ms_per_case"]
                results[mode].append(pair)
                print(f"  {mode} {number + 1}/{pairs}: ratio {pair['ratio']:.2f}", flush=True)
    return {mode: _summary(found) for mode, found in results.items()}


def measure(ours: Ours, reports: Reports, cases: int, bulk: int) -> dict[str, Any]:
    """CPU by layer per case, and cases a second, for `cases` reports through the door."""
    generator = ours.ready(reports.take(cases), bulk=bulk)
    layers = ours.layers()
    relaying = ours.relaying()
    before, started = layers.read(), time.monotonic()
    generator.go()
    through = ours.through.wait(generator.finish())
    used, seconds = spent(before, layers.read()), time.monotonic() - started
    used["relay"] = 0.0
    for layer, cpu in spent(relaying, ours.relaying()).items():
        used[layer] -= cpu
        used["relay"] += cpu
    return {**_costs(used, through, seconds), "filed_share": through / cases}


def _costs(used: Mapping[str, float], cases: int, seconds: float) -> dict[str, Any]:
    return {
        "cpu_ms_per_case": 1000 * sum(used.values()) / cases,
        "cases_per_s": cases / seconds,
        "budget_ms": {layer: round(1000 * value / cases, 3) for layer, value in sorted(used.items())},
    }


class _Raw:
    """The raw pipeline, running."""

    def __init__(
        self, ours: Ours, door: raw.Door, through: Through, stages: Mapping[str, Sequence[BaseProcess]]
    ) -> None:
        self._ours = ours
        self._door = door
        self._through = through
        self._stages = stages
        self._done = 0

    def measure(self, cases: int, bulk: int) -> dict[str, Any]:
        """As `measure` does it for ours."""
        reports = Reports(self._ours.running.district, seed=self._done).take(cases)
        batch = raw.given(reports, self._done)
        self._done += cases
        layers = Layers(
            {
                **{
                    stage: tuple(each.pid for each in found if each.pid)
                    for stage, found in self._stages.items()
                },
                **servers(self._ours.broker, self._ours.postgres),
            }
        )
        before, accepting, started = layers.read(), time.process_time(), time.monotonic()
        self._door.accept(batch, bulk)
        accepting = time.process_time() - accepting
        self._through.wait([(report["tenant"], report["id"]) for report in batch])
        used, seconds = spent(before, layers.read()), time.monotonic() - started
        return _costs({**used, "door": accepting}, cases, seconds)

    def signal(self, name: str) -> None:
        """Stop or continue every stage."""
        for stage in chain.from_iterable(self._stages.values()):
            if stage.pid is not None:
                os.kill(stage.pid, getattr(signal, f"SIG{name}"))


@contextmanager
def _raw(ours: Ours, database: str, broker: str) -> Iterator[_Raw]:
    stages = raw.start(database, broker)
    door = raw.Door(database)
    try:
        with psycopg.connect(database, autocommit=True) as conn:
            yield _Raw(ours, door, Through(conn, raw_tables.THROUGH), stages)
    finally:
        door.close()
        for stage in chain.from_iterable(stages.values()):
            stage.kill()
            stage.join()


def _summary(found: list[dict[str, Any]]) -> dict[str, Any]:
    def middle(who: str, what: str) -> float:
        return round(statistics.median(pair[who][what] for pair in found), 3)

    return {
        "pairs": len(found),
        "ratio": round(statistics.median(pair["ratio"] for pair in found), 3),
        "ratios": [round(pair["ratio"], 3) for pair in found],
        "spread": round(max(pair["ratio"] for pair in found) / min(pair["ratio"] for pair in found), 3),
        "filed_share": middle("ours", "filed_share"),
        **{
            who: {
                "cpu_ms_per_case": middle(who, "cpu_ms_per_case"),
                "cases_per_s": round(middle(who, "cases_per_s"), 1),
                "budget_ms": _median_budget([pair[who]["budget_ms"] for pair in found]),
            }
            for who in ("ours", "raw")
        },
    }


def _median_budget(budgets: list[dict[str, float]]) -> dict[str, float]:
    return {layer: round(statistics.median(b.get(layer, 0.0) for b in budgets), 3) for layer in budgets[0]}
