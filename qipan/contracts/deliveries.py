"""Deliveries to the world outside: those that did not arrive, sending them again, and what providers say of them."""

from datetime import datetime
from typing import Annotated, ClassVar

from pydantic import Field

from qipan.contracts.base import Command, Part, Query
from qipan.contracts.commands import Done, Id
from qipan.contracts.queries import Limit


class UndeliveredOne(Part):
    """A delivery that did not arrive. `key` is its own at the provider as well; `next_at`, `changed_at`: real time."""

    key: str
    channel: str
    destination: str
    recipient: str
    event: str
    case_id: str | None = None
    report_id: str | None = None
    title: str
    at: datetime
    state: str
    attempts: int
    next_at: datetime
    error: str | None = None
    changed_at: datetime


class Undelivered(Part):
    """A page of them, newest first. `next` is what to give as `after` for the rest."""

    deliveries: tuple[UndeliveredOne, ...]
    next: str | None = None


class ListUndelivered(Query[Undelivered]):
    """What was given up of the tenant's deliveries; `waiting`: also what failed and will be tried again."""

    type: ClassVar[str] = "delivery.undelivered.v1"
    service: ClassVar[str] = "notify"
    destination: Id | None = None
    waiting: bool = False
    limit: Limit = 100
    after: str | None = None


class Resent(Part):
    """Which deliveries are queued again, and which are not: under way, arrived, or unknown in this tenant."""

    queued: tuple[str, ...]
    not_queued: tuple[str, ...] = ()


class ResendDeliveries(Command[Resent]):
    """Try deliveries again that were given up, under the same keys."""

    type: ClassVar[str] = "delivery.resend.v1"
    service: ClassVar[str] = "notify"
    keys: Annotated[tuple[Id, ...], Field(min_length=1, max_length=500)]


class NoteReceipt(Command[Done]):
    """A provider's word on a message that it took, by its key: whether it arrived, or why not."""

    type: ClassVar[str] = "delivery.receipt.v1"
    service: ClassVar[str] = "notify"
    key: Id
    arrived: bool
    reason: Annotated[str, Field(max_length=200)] | None = None
