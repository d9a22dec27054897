"""Time on a case: lights, and extension 延期, deferral 缓办, suspension 挂账: asked for, decided, ended, listed."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from qipan.contracts.base import Part, Query
from qipan.contracts.case import CaseState
from qipan.contracts.commands import CaseCommand, Text
from qipan.contracts.light import Light

PageSize = Annotated[int, Field(ge=1, le=500)]


class TimeKind(StrEnum):
    """What a handler may ask for."""

    EXTENSION = "extension"  # 延期: a later deadline
    DEFERRAL = "deferral"  # 缓办: a later beginning
    SUSPENSION = "suspension"  # 挂账: the clock stands still


class AskForTime(CaseCommand):
    """The handler asks for more or other time. Until it is approved the deadline runs on.

    An extension says `by` how much (`4 work-hours`), counted from the deadline; a deferral `until` when work
    begins; a suspension may say `until` when it is to be looked at again (else: the longest that the town allows).
    """

    type: ClassVar[str] = "time.ask.v1"
    kind: Literal["extension", "deferral", "suspension"]
    reason: Annotated[str, Field(min_length=1, max_length=4000)]
    by: Annotated[str, Field(max_length=40)] | None = None
    until: datetime | None = None


class EndorseTime(CaseCommand):
    """The department of the handler endorses what was asked for, so that it is decided, or refuses it with a reason."""

    type: ClassVar[str] = "time.endorse.v1"
    endorsed: bool
    reason: Text = ""


class DecideTime(CaseCommand):
    """The dispatcher, or the district beyond what the town may grant, approves or refuses what was asked for.

    Where a department is to endorse it, after that.
    """

    type: ClassVar[str] = "time.decide.v1"
    approved: bool
    note: Text = ""


class ResumeCase(CaseCommand):
    """A suspended case goes on, with the time that was left; a reason is required."""

    type: ClassVar[str] = "case.resume.v1"
    reason: Annotated[str, Field(min_length=1, max_length=4000)]


class TimeRequest(Part):
    """What waits for a decision about time, with its case as it is now.

    `kind` is what was asked for, or `calendar`: the deadline reaches into a year whose public holidays are not
    known here, and `person` is asked to look at it. Otherwise every dispatcher of the `level` may decide, after one of
    the department that it `awaits` has endorsed it; `endorsed_by` is who has.
    """

    kind: str
    level: str
    by: str
    at: datetime
    reason: str
    until: datetime | None = None
    person: str | None = None
    case: CaseState
    light: Light
    awaits: str | None = None
    endorsed_by: str | None = None


class TimeRequests(Part):
    """A page, oldest first; `next` is what to give as `after` for the rest."""

    requests: tuple[TimeRequest, ...]
    next: str | None = None


class ListTimeRequests(Query[TimeRequests]):
    """What waits for a decision about time in a town; addressed to the district, what waits for the district's;
    addressed to a department, what waits for its endorsement.
    """

    type: ClassVar[str] = "time.list.v1"
    service: ClassVar[str] = "dispatch"
    limit: PageSize = 100
    after: str | None = None


class ListSuspended(Query[TimeRequests]):
    """问题库: the suspended cases of a town, the longest suspended first, with who suspended them and why."""

    type: ClassVar[str] = "suspended.list.v1"
    service: ClassVar[str] = "dispatch"
    limit: PageSize = 100
    after: str | None = None
