"""Ours against raw, interleaved, CPU of all processes per case, single and in bulk."""

import os
import signal
import statistics
import time
from multiprocessing.process import BaseProcess
from typing import Any

from bench import raw
from bench.cpu import Layers, spent
from bench.ours import Ours, servers
from bench.reports import Reports

BULK = 50


def compare(ours: Ours, raw_database: str, raw_broker: str, pairs: int, cases: int) -> dict[str, Any]:
    """Median of `pairs` interleaved pairs of `cases` each; the ratio is ours ÷ raw."""
    raw.prepare(raw_database, raw_broker)
    stages = raw.start(raw_database, raw_broker)
    reports = Reports(ours.running.district, seed=7)
    results: dict[str, list[dict[str, Any]]] = {"single": [], "bulk": []}
    done = 0
    try:
        ours.send(reports.take(300), bulk=BULK)  # warm caches and pools of both before anything counts
        ours.wait_through(300)
        done = _raw(raw_database, stages, ours, 300, BULK, done)["done"]
        for number in range(pairs):
            for mode, bulk in (("single", 1), ("bulk", BULK)):
                pair: dict[str, Any] = {}
                for who in ("raw", "ours") if number % 2 else ("ours", "raw"):
                    if who == "ours":
                        _signal(stages, "STOP")
                        pair["ours"] = measure(ours, reports, cases, bulk)
                        _signal(stages, "CONT")
                    else:
                        ours.pause("STOP")
                        pair["raw"] = _raw(raw_database, stages, ours, cases, bulk, done)
                        done = pair["raw"].pop("done")
                        ours.pause("CONT")
                pair["ratio"] = pair["ours"]["cpu_ms_per_case"] / pair["raw"]["cpu_ms_per_case"]
                results[mode].append(pair)
                print(f"  {mode} {number + 1}/{pairs}: ratio {pair['ratio']:.2f}", flush=True)
    finally:
        for stage in stages:
            stage.kill()
            stage.join()
    return {mode: _summary(found) for mode, found in results.items()}


def measure(ours: Ours, reports: Reports, cases: int, bulk: int) -> dict[str, Any]:
    """CPU by layer per case, and cases a second, for `cases` reports through the door."""
    batch = reports.take(cases)
    stored = ours.stored()
    layers = ours.layers()
    before, started = layers.read(), time.monotonic()
    cases_before = ours.wait_through(stored)
    ours.send(batch, bulk=bulk)
    through = ours.wait_through(stored + cases) - cases_before
    seconds = time.monotonic() - started
    used = spent(before, layers.read())
    return {
        "cpu_ms_per_case": 1000 * sum(used.values()) / through,
        "cases_per_s": through / seconds,
        "filed_share": through / cases,
        "budget_ms": {layer: round(1000 * value / through, 3) for layer, value in sorted(used.items())},
    }


def _raw(
    database: str, stages: list[BaseProcess], ours: Ours, cases: int, bulk: int, done: int
) -> dict[str, Any]:
    batch = [
        {
            **report,
            "tenant": "sandun",
            "id": f"r{done + n}",
            "cell": f"c{n % 1200}",
            "received_at": "2026-03-02T08:00",
        }
        for n, report in enumerate(Reports(ours.running.district, seed=done).take(cases))
    ]
    pids = tuple(stage.pid for stage in stages if stage.pid is not None)
    layers = Layers({"stages": pids, **servers(ours.broker, ours.postgres)})
    before, started = layers.read(), time.monotonic()
    accepting = time.process_time()
    raw.accept(database, batch, bulk)
    accepting = time.process_time() - accepting
    while raw.closed(database) < done + cases:
        time.sleep(0.05)
    used = {**spent(before, layers.read()), "accept": accepting}
    return {
        "cpu_ms_per_case": 1000 * sum(used.values()) / cases,
        "cases_per_s": cases / (time.monotonic() - started),
        "budget_ms": {layer: round(1000 * value / cases, 3) for layer, value in sorted(used.items())},
        "done": done + cases,
    }


def _signal(stages: list[BaseProcess], name: str) -> None:
    for stage in stages:
        if stage.pid is not None:
            os.kill(stage.pid, getattr(signal, f"SIG{name}"))


def _summary(found: list[dict[str, Any]]) -> dict[str, Any]:
    def middle(who: str, what: str) -> float:
        return round(statistics.median(pair[who][what] for pair in found), 3)

    return {
        "pairs": len(found),
        "ratio": round(statistics.median(pair["ratio"] for pair in found), 3),
        "ratios": [round(pair["ratio"], 3) for pair in found],
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
