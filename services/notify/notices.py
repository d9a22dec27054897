"""What people are told of that has no case: a report that somebody is to look at, a town's operating mode."""

from dataclasses import dataclass
from datetime import datetime

from qipan.contracts.base import Event
from qipan.contracts.case import Place
from qipan.contracts.modes import ModeState, ModeSwitched
from qipan.contracts.verifications import VerificationAsked
from qipan.contracts.waiting import ReportWaiting


@dataclass(frozen=True, slots=True)
class Notice:
    """What an event without a case speaks of, in the tenant in which it happened; what it lacks is None.

    `cell`: the duty cell. `look_by`: until when somebody is to look (domain time).
    `summary`: the beginning of a report that waits, with nothing of its reporter's; `accept_by`: until when somebody
    is to decide about it (domain time), `waits_for`: which acceptor, `overdue`: whether that time is over.
    """

    tenant: str
    report_id: str | None = None
    matter: str | None = None
    place: Place | None = None
    cell: str | None = None
    look_by: datetime | None = None
    mode: ModeState | None = None
    summary: str | None = None
    accept_by: datetime | None = None
    waits_for: str | None = None
    overdue: bool = False


def notice_of(event: Event, tenant: str) -> Notice:
    """The notice that an event calls for; TypeError for one that is told about a case, or to nobody."""
    if isinstance(event, VerificationAsked):
        return Notice(
            tenant,
            report_id=event.report_id,
            matter=event.matter,
            place=event.place,
            cell=event.cell,
            look_by=event.due_at,
        )
    if isinstance(event, ReportWaiting):
        return Notice(
            tenant,
            report_id=event.report_id,
            matter=event.matter,
            place=event.place,
            summary=event.summary,
            accept_by=event.due_at,
            waits_for=event.waits_for,
            overdue=event.overdue,
        )
    if isinstance(event, ModeSwitched):
        return Notice(event.state.tenant, mode=event.state)
    raise TypeError(f"Nobody is told of {event.type} without a case.")
