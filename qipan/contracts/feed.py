"""The feed: what changed, in order, for a tenant's own systems to fetch; and the numbers they know things by."""

from datetime import datetime
from typing import ClassVar

from qipan.contracts.base import Command, Part, Query
from qipan.contracts.commands import Id, ReportAnswer
from qipan.contracts.queries import Limit


class FeedEntry(Part):
    """A report reached a status, or the case that it became did. `at` is domain time.

    `tenant` is the town whose report it is; `reference` the reader's own number for it, where one is known.
    An entry may come twice: (`report_id`, `status`, `at`) is the same then.
    """

    cursor: str
    tenant: str
    report_id: str
    case_id: str | None = None
    status: str
    at: datetime
    matter: str | None = None
    department: str | None = None
    unit: str | None = None
    reference: str | None = None


class Feed(Part):
    """A page, oldest first; `next` is what to give as `after` for what follows, now or later."""

    entries: tuple[FeedEntry, ...]
    next: str | None = None
    more: bool = False


class GetFeed(Query[Feed]):
    """What changed for the tenant addressed: of a town all of its reports, of a department what it sent or is given."""

    type: ClassVar[str] = "feed.get.v1"
    service: ClassVar[str] = "intake"
    after: str | None = None
    limit: Limit = 100


class NoteReference(Command[ReportAnswer]):
    """A department's own system says by which number it knows a report whose case it was given."""

    type: ClassVar[str] = "reference.note.v1"
    service: ClassVar[str] = "intake"
    report_id: Id
    reference: Id
