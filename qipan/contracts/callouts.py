"""Calling somebody out who is on a roster: who was asked, who answered, whom it went on to."""

from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from qipan.contracts.base import Command, Part, Query
from qipan.contracts.commands import Id
from qipan.contracts.queries import Limit


class CalloutState(StrEnum):
    """Where a call-out stands."""

    OPEN = "open"  # the last one asked still has time
    ANSWERED = "answered"  # without `answered_by`: the case was taken on, closed or voided meanwhile
    UNANSWERED = "unanswered"  # everybody on the roster was asked


class Callout(Part):
    """One call-out. `asked`: whom so far, in this order; the last has until `due_at`. Times are domain time, UTC."""

    callout_id: str
    roster: str
    event: str
    case_id: str | None = None
    report_id: str | None = None
    title: str
    at: datetime
    state: CalloutState
    asked: tuple[str, ...]
    due_at: datetime | None = None
    answered_by: str | None = None
    answered_at: datetime | None = None


class Callouts(Part):
    """A page of call-outs, newest first."""

    callouts: tuple[Callout, ...]
    next: str | None = None


class AnswerCallout(Command[Callout]):
    """回执: whoever was asked takes it on; nobody else is asked then. The first to answer has it."""

    type: ClassVar[str] = "callout.answer.v1"
    service: ClassVar[str] = "notify"
    callout_id: Id


class ListCallouts(Query[Callouts]):
    """The tenant's call-outs; for who may not watch its cases those that they were asked in. `open`: only these."""

    type: ClassVar[str] = "callout.list.v1"
    service: ClassVar[str] = "notify"
    open: bool = False
    limit: Limit = 50
    after: str | None = None
