"""Reporters who want to be told by mail what becomes of their report. Their addresses stay in intake."""

from datetime import datetime
from typing import ClassVar, Literal

from qipan.contracts.base import Event, Part, Query
from qipan.contracts.commands import Id


class UpdatesWanted(Event):
    """A reporter, known by the tracking token, wants to be told of changes from now on, or no more."""

    type: ClassVar[str] = "report.updateswanted.v1"
    report_id: str
    wanted: bool
    language: Literal["zh", "en"] = "zh"
    changed_at: datetime


class ReporterReached(Part):
    """How a reporter is reached who wants updates. `stop_token` ends them, and opens nothing. Never to be stored."""

    email: str | None = None
    stop_token: str = ""


class ReachReporter(Query[ReporterReached]):
    """Where updates about a report go at this moment; without an address when nobody wants any. For notify alone."""

    type: ClassVar[str] = "reporter.reach.v1"
    service: ClassVar[str] = "intake"
    report_id: Id
