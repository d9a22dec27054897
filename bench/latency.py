"""Accepted → on the worker's list, while the district works at half of what it can do.

A probe that is not on its worker's list in time counts as one that took `LOOK_SECONDS`: the worst are not lost.
"""

import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx

from bench.calls import core_url
from bench.ours import Ours
from bench.reports import Reports
from qipan.access import Principal, Role, Signer
from qipan.contracts.errors import NotFound
from qipan.contracts.queries import GetCase, ListWork
from qipan.messaging.client import Client
from services.dispatch.filing import case_id_of

PROBED_TOWN = "gudang"
LOOK_SECONDS = 5.0
PAUSE_SECONDS = 0.005
LONGEST_SECONDS = 900.0
"""For how long there are other reports; probing ends before."""
_NOT_FILED = """
SELECT status NOT IN ('received', 'filed') AND case_id IS NULL FROM intake.reports
WHERE tenant = %s AND report_id = %s
"""
_UNASSIGNED = "SELECT worker IS NULL FROM dispatch.cases WHERE tenant = %s AND id = %s"


@dataclass
class _Found:
    times: list[float] = field(default_factory=list)
    missed: int = 0
    not_filed: int = 0
    unassigned: int = 0


def measure(ours: Ours, cases_per_s: float, probes: int) -> dict[str, Any]:
    """p50 and p99 in milliseconds over `probes` reports, with `cases_per_s` / 2 of other reports going on.

    `missed`: seen by nobody in time, counted as `LOOK_SECONDS`. `not_filed` and `unassigned`: reports that rightly
    came on no worker's list (held, say; nobody free), counted apart. RuntimeError when the load ended early.
    """
    rate = cases_per_s / 2
    background = Reports(ours.running.district, seed=31).take(int(rate * LONGEST_SECONDS))
    generator = ours.ready(background, rate=rate)
    client = Client(core_url(ours), "bench").start(10)
    generator.go()
    try:
        found = _Prober(ours, client).probe(probes)
        if not generator.running():
            raise RuntimeError("the load ended before the probes did")
    finally:
        generator.stop()
        accepted = generator.finish()
        client.stop()
    ours.through.wait(accepted)
    cuts = statistics.quantiles(found.times, n=100, method="inclusive")
    return {
        "load_per_s": round(rate, 1),
        "loaded": len(accepted),
        "probes": len(found.times),
        "missed": found.missed,
        "not_filed": found.not_filed,
        "unassigned": found.unassigned,
        "p50_ms": round(1000 * cuts[49], 1),
        "p99_ms": round(1000 * cuts[98], 1),
    }


class _Prober:
    """Posts reports one after another and looks at the work list of whoever is asked to see to each."""

    def __init__(self, ours: Ours, client: Client) -> None:
        self._ours = ours
        self._client = client
        self._signer = Signer(ours.running.credentials.signing_key)
        self._dispatcher = self._token(
            Principal(sub="bench", name="", tenant=PROBED_TOWN, roles=frozenset({Role.DISPATCHER}))
        )
        self._workers: dict[str, tuple[str, str]] = {}

    def probe(self, probes: int) -> _Found:
        """What became of `probes` reports of which a worker was to hear."""
        found, reports = _Found(), self._reports()
        with httpx.Client(base_url=self._ours.running.door_url, timeout=10) as door:
            while len(found.times) < probes:
                report = next(reports)
                answer = door.post("/v1/reports", json=report).json()
                accepted = time.perf_counter()
                case_id = case_id_of(PROBED_TOWN, answer["report_id"])
                seen = self._seen(case_id, report["text"], accepted + LOOK_SECONDS)
                if seen is not None:
                    found.times.append(seen - accepted)
                elif self._not_filed(answer["report_id"]):
                    found.not_filed += 1
                elif self._unassigned(case_id):
                    found.unassigned += 1
                else:
                    found.missed += 1
                    found.times.append(LOOK_SECONDS)
        return found

    def _seen(self, case_id: str, text: str, end: float) -> float | None:
        """When the case was on the list of the worker asked; None when it was not by `end`.

        Whose list to look at is dispatch's choice: it is asked first, and then the list itself, until it is there.
        """
        worker = None
        while time.perf_counter() < end:
            worker = worker or self._worker(case_id)
            if worker is not None:
                tenant, token = self._of(worker)
                wanted = ListWork(text=text, limit=1)
                listed = self._client.call(wanted, tenant=tenant, principal=token).cases
                if any(case.case_id == case_id for case in listed):
                    return time.perf_counter()
            time.sleep(PAUSE_SECONDS)
        return None

    def _worker(self, case_id: str) -> str | None:
        try:
            answer = self._client.call(
                GetCase(case_id=case_id), tenant=PROBED_TOWN, principal=self._dispatcher
            )
        except NotFound:
            return None
        return answer.case.worker

    def _unassigned(self, case_id: str) -> bool:
        row = self._ours.admin.execute(_UNASSIGNED, (PROBED_TOWN, case_id)).fetchone()
        return bool(row and row[0])

    def _not_filed(self, report_id: str) -> bool:
        row = self._ours.admin.execute(_NOT_FILED, (PROBED_TOWN, report_id)).fetchone()
        return bool(row and row[0])

    def _of(self, worker: str) -> tuple[str, str]:
        """Where a worker reads the list, and a token of theirs."""
        if worker not in self._workers:
            person = next(one for one in self._ours.running.district.people if one.id == worker)
            units = frozenset({person.unit} if person.unit else ())
            principal = Principal(
                sub=worker, name="", tenant=person.tenant, roles=frozenset({Role.HANDLER}), units=units
            )
            self._workers[worker] = (person.tenant, self._token(principal))
        return self._workers[worker]

    def _token(self, principal: Principal) -> str:
        return self._signer.token(principal, 3600)

    def _reports(self) -> Iterator[dict[str, Any]]:
        district = self._ours.running.district
        for report in Reports(district, seed=32).endless():
            location = district.territory.locate(report["lon"], report["lat"])
            if location is not None and location.town == PROBED_TOWN:
                yield report
