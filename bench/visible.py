"""Accepted → counted on the town's board, while other towns' reports keep the district at half of what it can do."""

import statistics
import time
from typing import Any

import httpx

from bench.calls import core_url
from bench.latency import LONGEST_SECONDS, LOOK_SECONDS, PAUSE_SECONDS, PROBED_TOWN
from bench.ours import Ours
from bench.reports import Reports
from qipan.access import Principal, Role, Signer
from qipan.contracts.queries import GetBoard
from qipan.messaging.client import Client


def measure(ours: Ours, cases_per_s: float, probes: int) -> dict[str, Any]:
    """p50 and p99 in milliseconds over `probes` reports to a town that nobody else reports to meanwhile.

    `missed`: not counted in time, which counts as `LOOK_SECONDS`. RuntimeError when the load ended early.
    """
    rate = cases_per_s / 2
    others = [town.id for town in ours.running.district.towns if town.id != PROBED_TOWN]
    background = Reports(ours.running.district, seed=41, towns=others).take(int(rate * LONGEST_SECONDS))
    generator = ours.ready(background, rate=rate)
    client = Client(core_url(ours), "bench").start(10)
    principal = Principal(sub="bench", name="", tenant=PROBED_TOWN, roles=frozenset({Role.SUPERVISOR}))
    token = Signer(ours.running.credentials.signing_key).token(principal, 3600)
    times, missed = [], 0

    def received() -> int:
        board = client.call(GetBoard(), tenant=PROBED_TOWN, principal=token)
        return board.totals.get("received", 0)

    generator.go()
    try:
        with httpx.Client(base_url=ours.running.door_url, timeout=10) as door:
            own = Reports(ours.running.district, seed=42, towns=[PROBED_TOWN]).endless()
            for _, report in zip(range(probes), own, strict=False):
                before = received()
                door.post("/v1/reports", json=report).raise_for_status()
                accepted = time.perf_counter()
                while received() <= before and time.perf_counter() < accepted + LOOK_SECONDS:
                    time.sleep(PAUSE_SECONDS)
                took = time.perf_counter() - accepted
                missed += took >= LOOK_SECONDS
                times.append(min(took, LOOK_SECONDS))
        if not generator.running():
            raise RuntimeError("the load ended before the probes did")
    finally:
        generator.stop()
        accepted_reports = generator.finish()
        client.stop()
    ours.through.wait(accepted_reports)
    cuts = statistics.quantiles(times, n=100, method="inclusive")
    return {
        "load_per_s": round(rate, 1),
        "probes": len(times),
        "missed": missed,
        "p50_ms": round(1000 * cuts[49], 1),
        "p99_ms": round(1000 * cuts[98], 1),
    }
