"""The client: posts reports through every fault and keeps the ledger.

A post without an answer is posted again with the same key until there is one; what was acknowledged must never
be lost, and a key must never become two reports. Every report is one that the door has to accept.
"""

import json
import queue
import random
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from bench.reports import Reports
from exercise.ledger import Ledger
from qipan.tenancy import District
from tests.faults.outage import Outages

BATCH = 25
SINGLES = 0.1
"""The share of posts that carry one report; the rest carry a batch, so that one client is enough."""
CLIENTS = 4
ANSWER_SECONDS = 8.0

Group = list[tuple[str, dict[str, object]]]


class ClientDied(RuntimeError):
    """A thread of the client ended by an error: what it had not posted yet would never be missed."""


@dataclass
class Answers:
    """What the client saw: reports acknowledged, and posts that had to be repeated."""

    acknowledged: int = 0
    repeated: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


class Load:
    """Keeps posting until `finish`, at most `ahead` reports before what `through` says has gone through.

    While the broker is down nothing goes through, so that then it posts on regardless.
    """

    def __init__(
        self,
        url: str,
        district: District,
        ledger: Path,
        *,
        through: Callable[[], int],
        ahead: int,
        seed: int = 1,
        prefix: str = "k",
    ) -> None:
        self.answers = Answers()
        self.outages = Outages()
        self.holds_back = False  # whether it waits for what it has posted to go through
        self._url = url
        self._reports = Reports(district, seed)
        self._random = random.Random(seed)
        self._ledger = Ledger(ledger)
        self._ledger_lock = threading.Lock()
        self._prefix = prefix
        self._through = through
        self._ahead = ahead
        self._todo: queue.Queue[Group | None] = queue.Queue(CLIENTS)
        self._finishing = threading.Event()
        self._died: list[str] = []
        self._threads = [threading.Thread(target=self._watched, args=(self._make,), daemon=True)]
        self._threads += [
            threading.Thread(target=self._watched, args=(self._client,), daemon=True) for _ in range(CLIENTS)
        ]

    def start(self) -> None:
        """Begin to post."""
        for thread in self._threads:
            thread.start()

    def check(self) -> None:
        """Raises ClientDied when a thread of the client has."""
        if self._died:
            raise ClientDied(self._died[0])

    def finish(self) -> None:
        """Post what was begun until it is answered, then stop; raises ClientDied."""
        self._finishing.set()
        for thread in self._threads:
            while thread.is_alive():
                thread.join(0.5)
                self.check()
        self.check()
        self._ledger.close()

    def _watched(self, work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException:
            self._died.append(traceback.format_exc())
            raise

    def _make(self) -> None:
        number = 0
        made = 0
        while not self._finishing.is_set():
            self.holds_back = not self.outages.on and made - self._through() > self._ahead
            if self.holds_back:
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
        with httpx.Client(base_url=self._url, timeout=ANSWER_SECONDS) as client:
            while (group := self._todo.get()) is not None:
                for key, _ in group:
                    with self._ledger_lock:
                        self._ledger.sent(key)
                while not self._post(client, group):
                    with self.answers.lock:
                        self.answers.repeated += 1
                    time.sleep(0.2)

    def _post(self, client: httpx.Client, group: Group) -> bool:
        """Post once; whether every report of the group was answered."""
        outage = self.outages.post_begins()
        acknowledged, answered = 0, False
        try:
            lines = _lines(client, group)
            answered = not any(_no_answer(line["status"]) for line in lines)
            for (key, _), line in zip(group, lines, strict=True):
                acknowledged += self._note(key, line)
        except httpx.HTTPError:
            answered = False
        finally:
            self.outages.post_ended(outage, acknowledged, answered=answered)
        return answered

    def _note(self, key: str, line: dict[str, Any]) -> bool:
        """Write an answer into the ledger; whether it acknowledged the report."""
        report = line.get("report") or {}
        if "report_id" in report:
            with self._ledger_lock:
                self._ledger.acknowledged(key, report["report_id"], tenant=report["tenant"])
            with self.answers.lock:
                self.answers.acknowledged += 1
            return True
        if not _no_answer(line["status"]):
            with self._ledger_lock:
                self._ledger.refused(key, json.dumps(line, ensure_ascii=False)[:200])
        return False


def _lines(client: httpx.Client, group: Group) -> list[dict[str, Any]]:
    """Post it; one line a report, also when the post was refused as a whole."""
    if len(group) == 1:
        [(key, body)] = group
        answer = client.post("/v1/reports", json=body, headers={"Idempotency-Key": key})
        if answer.is_success:
            return [{"status": answer.status_code, "report": answer.json()}]
    else:
        answer = client.post("/v1/reports/batch", json=[{**body, "key": key} for key, body in group])
        if answer.is_success:
            results: list[dict[str, Any]] = answer.json()["results"]
            return results
    return [{"status": answer.status_code, "problem": answer.text}] * len(group)


def _no_answer(status: int) -> bool:
    """Whether the client is only asked to come again."""
    return status == 429 or status >= 500
