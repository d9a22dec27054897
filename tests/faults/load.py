"""The client: posts reports through every fault and keeps the ledger. A process of its own.

A post without an answer is posted again with the same key until there is one; what was acknowledged must never
be lost, and a key must never become two reports.
"""

import json
import queue
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from bench.reports import Reports
from exercise.ledger import Ledger
from qipan.tenancy import District

BATCH = 25
SINGLES = 0.1
"""The share of posts that carry one report; the rest carry a batch, so that one client is enough."""
CLIENTS = 4


@dataclass
class Answers:
    """What the client saw: posts answered while the broker was down, and posts that had to be repeated."""

    acknowledged: int = 0
    repeated: int = 0
    broker_down: int = 0
    refused_while_broker_down: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


class Load:
    """Keeps posting until `finish`, at most `ahead` reports before what `through` says has gone through."""

    def __init__(
        self,
        url: str,
        district: District,
        ledger: Path,
        *,
        through: Callable[[], int],
        ahead: int = 4000,
        seed: int = 1,
        prefix: str = "k",
    ) -> None:
        self.answers = Answers()
        self.broker_is_down = threading.Event()
        self._url = url
        self._reports = Reports(district, seed)
        self._random = random.Random(seed)
        self._ledger = Ledger(ledger)
        self._ledger_lock = threading.Lock()
        self._prefix = prefix
        self._through = through
        self._ahead = ahead
        self._todo: queue.Queue[list[tuple[str, dict[str, object]]] | None] = queue.Queue(CLIENTS)
        self._finishing = threading.Event()
        self._threads = [threading.Thread(target=self._make, daemon=True)]
        self._threads += [threading.Thread(target=self._client, daemon=True) for _ in range(CLIENTS)]

    def start(self) -> None:
        """Begin to post."""
        for thread in self._threads:
            thread.start()

    def finish(self) -> None:
        """Post what was begun until it is answered, then stop."""
        self._finishing.set()
        for thread in self._threads:
            thread.join()
        self._ledger.close()

    def _make(self) -> None:
        number = 0
        made = 0
        while not self._finishing.is_set():
            if made - self._through() > self._ahead:
                time.sleep(0.05)
                continue
            size = 1 if self._random.random() < SINGLES else BATCH
            group = []
            for report in self._reports.take(size):
                number += 1
                group.append((f"{self._prefix}-{number}", report))
            made += size
            self._todo.put(group)
        for _ in range(CLIENTS):
            self._todo.put(None)

    def _client(self) -> None:
        with httpx.Client(base_url=self._url, timeout=8) as client:
            while (group := self._todo.get()) is not None:
                for key, _ in group:
                    with self._ledger_lock:
                        self._ledger.sent(key)
                while not self._post(client, group):
                    with self.answers.lock:
                        self.answers.repeated += 1
                    time.sleep(0.2)

    def _post(self, client: httpx.Client, group: list[tuple[str, dict[str, object]]]) -> bool:
        broker_down = self.broker_is_down.is_set()
        single = len(group) == 1
        try:
            if single:
                answer = client.post(
                    "/v1/reports", json=group[0][1], headers={"Idempotency-Key": group[0][0]}
                )
            else:
                answer = client.post("/v1/reports/batch", json=[{**body, "key": key} for key, body in group])
        except httpx.HTTPError:
            return False
        if answer.status_code >= 500:
            if broker_down and self.broker_is_down.is_set():
                with self.answers.lock:
                    self.answers.refused_while_broker_down += 1
            return False
        lines = (
            [{"status": answer.status_code, "report": answer.json()}] if single else answer.json()["results"]
        )
        missing = False
        for (key, _), line in zip(group, lines, strict=True):
            report = line.get("report") or {}
            if "report_id" in report:
                with self._ledger_lock:
                    self._ledger.acknowledged(key, report["report_id"], tenant=report["tenant"])
                with self.answers.lock:
                    self.answers.acknowledged += 1
                    self.answers.broker_down += broker_down
            elif line["status"] >= 500:
                missing = True
            else:
                with self._ledger_lock:
                    self._ledger.refused(key, json.dumps(line)[:200])
        return not missing
