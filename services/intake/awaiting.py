"""Starting the accept clock of a held report, and telling people of it."""

from qipan.contracts.events import ReportTriaged
from qipan.contracts.waiting import ReportWaiting
from qipan.storage import Work
from services.intake.accept_clock import AcceptClock
from services.intake.desk import Desk

ACCEPT_DUE = "accept.due"


def hold(work: Work, desk: Desk, tenant: str, held: ReportTriaged, text: str, trace: str | None) -> None:
    """Let the report that was just held (with all of its `text`) be due; an urgent one is told of at once."""
    clock = desk.accept_clock(tenant, held.report_id, held.level, text, held.triaged_at)
    work.set_timer(tenant=tenant, kind=ACCEPT_DUE, ref=held.report_id, due_at=clock.due_at)
    if clock.urgent:
        work.publish(waiting(held, clock), tenant=tenant, subject=held.report_id, trace=trace)


def waiting(held: ReportTriaged, clock: AcceptClock, *, overdue: bool = False) -> ReportWaiting:
    """What is told of a held report."""
    return ReportWaiting(
        report_id=held.report_id,
        matter=held.matter,
        place=held.place,
        summary=held.summary,
        channel=held.channel,
        level=held.level,
        reason=held.reason,
        received_at=held.received_at,
        held_at=held.triaged_at,
        due_at=clock.due_at,
        waits_for=clock.waits_for,
        urgent=clock.urgent,
        overdue=overdue,
    )
