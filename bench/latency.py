"""Accepted → on the worker's list, while the district works at half of what it can do."""

import statistics
import threading
import time
from typing import Any

import httpx

from bench.calls import core_url
from bench.ours import Ours
from bench.reports import Reports
from qipan.access import Principal, Role, Signer
from qipan.contracts.errors import NotFound
from qipan.contracts.queries import GetCase
from qipan.messaging.client import Client
from services.dispatch.filing import case_id_of

PROBED_TOWN = "gudang"
LOOK_SECONDS = 0.005


def measure(ours: Ours, cases_per_s: float, probes: int) -> dict[str, Any]:
    """p50 and p99 in milliseconds over `probes` reports, with `cases_per_s` / 2 of other reports going on."""
    rate = cases_per_s / 2
    background = Reports(ours.running.district, seed=31)
    ending = threading.Event()

    def load() -> None:
        while not ending.is_set():
            ours.send(background.take(int(rate * 2)), rate=rate)

    stored = ours.stored()
    loading = threading.Thread(target=load)
    loading.start()
    client = Client(core_url(ours), "bench").start(10)
    try:
        times = _probe(ours, client, probes)
    finally:
        ending.set()
        loading.join()
        client.stop()
    ours.wait_through(stored)
    cuts = statistics.quantiles(times, n=100)
    return {
        "load_per_s": round(rate, 1),
        "probes": len(times),
        "p50_ms": round(1000 * cuts[49], 1),
        "p99_ms": round(1000 * cuts[98], 1),
    }


def _probe(ours: Ours, client: Client, probes: int) -> list[float]:
    district = ours.running.district
    principal = Principal(sub="bench", name="", tenant=PROBED_TOWN, roles=frozenset({Role.DISPATCHER}))
    token = Signer(ours.running.credentials.signing_key).token(principal, 3600)
    reports = (r for r in Reports(district, seed=32).endless() if _town(ours, r) == PROBED_TOWN)
    times = []
    with httpx.Client(base_url=ours.running.door_url, timeout=10) as door:
        while len(times) < probes:
            answer = door.post("/v1/reports", json=next(reports)).json()
            accepted = time.perf_counter()
            found = _offered(client, token, case_id_of(PROBED_TOWN, answer["report_id"]), accepted + 5)
            if found is not None:
                times.append(found - accepted)
    return times


def _offered(client: Client, token: str, case_id: str, end: float) -> float | None:
    """When the case was a worker's, as dispatch answers it; None when triage did not file the report."""
    while time.perf_counter() < end:
        try:
            case = client.call(GetCase(case_id=case_id), tenant=PROBED_TOWN, principal=token).case
        except NotFound:
            time.sleep(LOOK_SECONDS)
            continue
        return time.perf_counter() if case.worker else None
    return None


def _town(ours: Ours, report: dict[str, Any]) -> str:
    location = ours.running.district.territory.locate(report["lon"], report["lat"])
    return location.town if location is not None else ""
