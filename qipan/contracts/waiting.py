"""Told of a report that waits for an acceptor: at once when it is urgent, and when its time has run out."""

from datetime import datetime
from typing import ClassVar

from qipan.contracts.base import Event
from qipan.contracts.case import Place
from qipan.contracts.level import Level


class ReportWaiting(Event):
    """A held report that somebody has to look at, until `due_at` (domain time); `waits_for` is the acceptor's id.

    `urgent`: by its risk level or its words. `overdue`: nobody decided in time, and it waits still; an urgent one
    is told of twice, at once and then. `summary` has no name and no number of its reporter's.
    """

    type: ClassVar[str] = "report.waiting.v1"
    report_id: str
    matter: str | None = None
    place: Place
    summary: str
    channel: str
    level: Level | None = None
    reason: str | None = None
    received_at: datetime
    held_at: datetime
    due_at: datetime
    waits_for: str | None = None
    urgent: bool = False
    overdue: bool = False
