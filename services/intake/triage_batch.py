"""Triage of a batch: examine, look for duplicates, decide, write, tell; three statements in all."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import Row

from qipan.contracts.events import Outcome, ReportReceived, ReportTriaged
from qipan.messaging.received import Received
from qipan.observability import metrics
from qipan.personal import struck
from qipan.storage import Work
from qipan.tenancy import shadow_of
from services.intake import feed, store
from services.intake.awaiting import hold
from services.intake.desk import Desk, Examined, Triaged
from services.intake.duplicates import Box, OpenReports, bucket_of, meeting_places
from services.intake.feed import Readers
from services.intake.public_status import STATUS_OF
from services.intake.verification import cell_of
from services.intake.verification_rows import Asked
from services.intake.verifying import ask, checked

HELD_DUE = "held.due"
BY_RULES = "rules"

ON_A_LIST = (Outcome.HOLD, Outcome.VERIFY)
"""What is on somebody's list once intake has decided; what is filed is on one once dispatch has a case."""


def triage(work: Work, desk: Desk, batch: Sequence[Received[ReportReceived]]) -> None:
    """Decide about new reports. One that was decided about before is left as it is and told of only once."""
    traces = {(message.tenant, message.data.report_id): message.traceparent for message in batch}
    examined = desk.examine_all([(message.tenant, message.data) for message in batch])
    triaged = desk.decide_all(examined, _open_near(work, desk, examined))
    now = {tenant: work.now(tenant) for tenant, _ in traces}
    judged = [judged_row(one, now[one.examined.tenant]) for one in triaged]
    fresh = store.judge(work.conn, judged)
    asked: list[Asked] = []
    for one in triaged:
        tenant, report = one.examined.tenant, one.examined.report
        key = (tenant, report.report_id)
        if key not in fresh:
            continue
        begun = None
        if one.decision.outcome is Outcome.VERIFY:
            begun = asking(desk, one, now[tenant], traces[key])
            asked.append(begun)
        event = told(one, now[tenant], begun)
        work.publish(event, tenant=tenant, subject=report.report_id, trace=traces[key])
        if one.decision.outcome is Outcome.HOLD:
            hold(work, desk, tenant, event, report.text, traces[key])
        if one.decision.outcome in ON_A_LIST and not shadow_of(tenant):
            waited = work.real_delay(tenant, now[tenant] - report.received_at)
            work.committed.append(partial(metrics.observe_on_screen, "intake", tenant, waited))
        due_at = desk.held_until(one, now[tenant])
        if due_at is not None:
            work.set_timer(tenant=tenant, kind=HELD_DUE, ref=report.report_id, due_at=due_at)
    ask(work, asked)
    tell_readers(work, desk.readers, judged, fresh)


def tell_readers(
    work: Work,
    readers: Readers,
    judged: Sequence[store.Judged],
    changed: Mapping[tuple[str, str], Row[Any]],
) -> None:
    """Let tenants' own systems hear of what was decided; of what becomes a case they hear from the case."""
    if readers.days:
        feed.write(
            work,
            readers,
            (
                (row, feed.Told(one.status, one.triaged_at, matter=one.matter))
                for one in judged
                if (row := changed.get((one.tenant, one.report_id))) is not None
            ),
        )


def asking(desk: Desk, triaged: Triaged, now: datetime, trace: str | None) -> Asked:
    """Whom the rules ask to look at a report."""
    tenant, report = triaged.examined.tenant, triaged.examined.report
    cell = cell_of(triaged.examined.place.cells) or ""
    due_at = desk.verify_until(tenant, now)
    return Asked(
        tenant,
        report.report_id,
        cell,
        now,
        due_at,
        BY_RULES,
        triaged.decision.reason,
        triaged.examined.place,
        triaged.examined.found.matter,
        report.level,
        trace,
    )


def judged_row(triaged: Triaged, now: datetime) -> store.Judged:
    """What is written about a report that the rules decided about."""
    report = triaged.examined.report
    outcome = triaged.decision.outcome
    return store.Judged(
        tenant=triaged.examined.tenant,
        report_id=report.report_id,
        status=STATUS_OF[outcome],
        matter=triaged.examined.found.matter,
        cells=triaged.examined.reported.cells,
        reason=triaged.decision.reason,
        merged_into=triaged.merged_into,
        bucket=bucket_of(report.lon, report.lat) if outcome in (Outcome.FILE, Outcome.VERIFY) else None,
        triaged_at=now,
        held_at=now if outcome is Outcome.HOLD else None,
        decided_by=BY_RULES,
        place=None if triaged.examined.place is triaged.examined.reported else triaged.examined.place,
        suggestion=triaged.examined.suggestion,
        responsible=triaged.responsible,
        duplicates=[one.kept() for one in triaged.duplicates] or None,
    )


def told(triaged: Triaged, now: datetime, asked: Asked | None = None) -> ReportTriaged:
    """The event about a report that the rules decided about; `asked` is who is to look at it before it is filed."""
    report = triaged.examined.report
    return ReportTriaged(
        report_id=report.report_id,
        outcome=triaged.decision.outcome,
        matter=triaged.examined.found.matter,
        place=triaged.examined.place,
        summary=summary_of(report.text),
        channel=report.channel,
        received_at=report.received_at,
        triaged_at=now,
        reason=triaged.decision.reason,
        merged_into=triaged.merged_into,
        responsible=triaged.responsible,
        level=report.level,
        verification=checked(asked) if asked else None,
    )


def summary_of(text: str) -> str:
    """The beginning of a report, for lists; what reaches or identifies a person is struck out before it is cut."""
    line = struck(" ".join(text.split()))
    return line if len(line) <= 120 else f"{line[:119]}…"


def _open_near(work: Work, desk: Desk, examined: Sequence[Examined]) -> OpenReports:
    """The open originals near any of them; none that another replica is just filing is missed.

    Replicas that triage the same matter in the same place take turns until their transactions end: what either
    files is an original for the other. An emergency is joined to nothing, but others are to it.
    """
    probes: list[store.Probe] = []
    places: set[int] = set()
    for one in examined:
        policy = desk.policy(one.tenant)
        said = one.said
        if said is None or not policy.merges:
            continue
        places |= meeting_places(said, policy.closeness)
        if one.found.emergency:
            continue
        since = said.received_at - policy.closeness.within
        box = Box.around(said.lon, said.lat, policy.closeness.metres)
        probes += [
            store.Probe(said.tenant, said.matter, bucket, box.west, box.south, box.east, box.north, since)
            for bucket in box.buckets()
        ]
    store.meet(work.conn, places)
    return OpenReports(store.open_near(work.conn, probes))
