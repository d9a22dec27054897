"""Accepting reports: rows and events of many requests in one transaction, each with its own answer."""

from collections.abc import Sequence
from dataclasses import dataclass

from qipan.contracts.errors import KeyReused
from qipan.contracts.events import ReadingObserved, ReportReceived
from qipan.storage import Work
from services.intake import store
from services.intake.admission import NewReport
from services.intake.open311.rows import NewRequest, add_requests


@dataclass(frozen=True, slots=True)
class Submission:
    """What one request brought: one report, or the good lines of a batch, and what is kept beside them."""

    reports: tuple[NewReport, ...]
    traceparent: str | None = None
    requests: tuple[NewRequest, ...] = ()


@dataclass(frozen=True, slots=True)
class Accepted:
    """A report is stored; `repeated` when the same request had stored it before."""

    tenant: str
    report_id: str
    repeated: bool


Verdict = Accepted | KeyReused


def accept(work: Work, submissions: Sequence[Submission]) -> list[tuple[Verdict, ...]]:
    """Store what is new and tell of it; what was stored before gets its first answer, or KeyReused.

    One verdict for each report of each submission. A reused key is a verdict, not an exception: it must not
    undo what others sent in the same transaction.
    """
    firsts: dict[tuple[str, str], store.Received] = {}
    for submission in submissions:
        for report in submission.reports:
            key = (report.tenant, report.report_id)
            if key not in firsts:
                firsts[key] = store.Received(report, work.now(report.tenant), submission.traceparent)
    stored = store.add_reports(work.conn, firsts.values()) if firsts else set()
    for key in firsts:
        if key in stored:
            _tell(work, firsts[key])
    add_requests(
        work.conn,
        {
            (one.tenant, one.report_id): one
            for submission in reversed(submissions)
            for one in submission.requests
            if (one.tenant, one.report_id) in stored
        }.values(),
    )
    known = {key: one.report.digest for key, one in firsts.items() if key in stored}
    if earlier := firsts.keys() - stored:
        known.update(store.digests(work.conn, earlier))
    unanswered = set(stored)
    verdicts = []
    for submission in submissions:
        line: list[Verdict] = []
        for report in submission.reports:
            key = (report.tenant, report.report_id)
            if known.get(key) != report.digest:
                line.append(KeyReused())
            else:
                line.append(Accepted(*key, repeated=key not in unanswered))
                unanswered.discard(key)
        verdicts.append(tuple(line))
    return verdicts


def observe(work: Work, readings: Sequence[store.NewReading]) -> int:
    """Store what a device measured and tell of what is new; returns how many were new."""
    stored = store.add_readings(work.conn, readings)
    fresh = {(one.tenant, one.device, one.reading_id): one for one in reversed(readings)}
    for key in sorted(stored):
        one = fresh[key]
        event = ReadingObserved(
            reading_id=one.reading_id,
            device=one.device,
            quantity=one.quantity,
            value=one.value,
            unit=one.unit,
            lon=one.lon,
            lat=one.lat,
            observed_at=one.observed_at,
        )
        work.publish(event, tenant=one.tenant, subject=one.device)
    return len(stored)


def _tell(work: Work, received: store.Received) -> None:
    report = received.report
    event = ReportReceived(
        report_id=report.report_id,
        channel=report.channel,
        text=report.text,
        lon=report.lon,
        lat=report.lat,
        address=report.address,
        matter=report.matter,
        self_disposed=report.self_disposed,
        received_at=received.received_at,
        located=report.located,
        component=report.component,
        level=report.level,
    )
    work.publish(event, tenant=report.tenant, subject=report.report_id, trace=received.traceparent)
