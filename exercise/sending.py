"""Rows on their way: in batches through the public API, each row ending accepted or refused."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from exercise.ledger import Ledger
from exercise.players.client import HttpClient, NoAnswer, Refusal
from exercise.rows import Line, Unusable

BATCH = 100
"""Rows in one request; the API takes up to 200."""

_AT_ONCE = 2


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that was not accepted: where it stands in the file, a stable reason, and words for a person."""

    line: int
    key: str
    reason: str
    detail: str = ""


@dataclass(slots=True)
class Sent:
    """What became of the rows. `accepted + len(refused) + unanswered` is the number of rows."""

    accepted: int = 0
    unanswered: int = 0
    refused: list[Refused] = field(default_factory=list)

    def by_reason(self) -> dict[str, int]:
        """How many rows were refused for each reason, most first."""
        return dict(Counter(refused.reason for refused in self.refused).most_common())


async def send(
    rows: Iterable[Line | Unusable],
    http: HttpClient,
    ledger: Ledger,
    *,
    rows_per_second: float = 0.0,
    watch: Callable[[Sent], None] = lambda sent: None,
) -> Sent:
    """Send every usable row, at most `rows_per_second` of them a second (0: as fast as they are answered)."""
    sent = Sent()
    in_flight = asyncio.Semaphore(_AT_ONCE)

    async def post(batch: Sequence[Line]) -> None:
        try:
            await _post(batch, http, ledger, sent)
        finally:
            in_flight.release()
        watch(sent)

    async with asyncio.TaskGroup() as posts:
        batch: list[Line] = []
        for row in rows:
            if isinstance(row, Unusable):
                ledger.sent(_name(row), line=row.line)
                ledger.refused(_name(row), row.reason)
                sent.refused.append(Refused(row.line, row.key, row.reason))
                continue
            batch.append(row)
            if len(batch) == BATCH:
                await in_flight.acquire()
                posts.create_task(post(batch))
                if rows_per_second:
                    await asyncio.sleep(BATCH / rows_per_second)
                batch = []
        if batch:
            await in_flight.acquire()
            posts.create_task(post(batch))
    sent.refused.sort(key=lambda refused: refused.line)
    return sent


async def _post(batch: Sequence[Line], http: HttpClient, ledger: Ledger, sent: Sent) -> None:
    for row in batch:
        ledger.sent(row.key, channel=row.form["channel"], line=row.line)
    try:
        answer = await http.post("/v1/reports/batch", [{**row.form, "key": row.key} for row in batch])
    except Refusal as refusal:
        for row in batch:
            _refuse(row, refusal.code, refusal.detail, ledger, sent)
        return
    except NoAnswer:
        sent.unanswered += len(batch)
        return
    for row, result in zip(batch, answer["results"], strict=True):
        report = result.get("report")
        if report:
            ledger.acknowledged(row.key, report["report_id"], tenant=report["tenant"], token=report["token"])
            sent.accepted += 1
        else:
            problem = result["problem"]
            _refuse(row, problem["code"], _words(problem), ledger, sent)


def _refuse(row: Line, code: str, detail: str, ledger: Ledger, sent: Sent) -> None:
    ledger.refused(row.key, code)
    sent.refused.append(Refused(row.line, row.key, code, detail))


def _words(problem: dict[str, Any]) -> str:
    faults = "; ".join(f"{fault['where']}: {fault['what']}" for fault in problem.get("faults", ()))
    return faults or problem.get("detail", "")


def _name(row: Unusable) -> str:
    """The ledger's name for a row that has no key of its own, or shares one."""
    return f"line {row.line}"
