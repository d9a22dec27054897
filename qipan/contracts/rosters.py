"""Planned shifts (排班): who was to be on duty when, who came, and a shift leader's changes for a day."""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from qipan.contracts.base import Command, Part, Query
from qipan.contracts.commands import Id
from qipan.contracts.field import Shift

Hours = Annotated[
    str,
    Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d$", examples=["22:00-06:00"]),
]
"""Local time; an end that is not after its start lies on the next day."""


class Attendance(StrEnum):
    """What has become of a planned shift. Who came is who signed on: the plan itself puts nobody on shift."""

    EXPECTED = "expected"  # 待上岗: it has not begun, and nobody signed on for it
    ON = "on"  # 在岗
    LEFT = "left"  # 离岗: signed on, and off again before its end
    MISSING = "missing"  # 未到岗: it has begun, and nobody signed on
    ATTENDED = "attended"  # it is over, and somebody was there
    ABSENT = "absent"  # 缺勤: it is over, and nobody was there


class PlannedShift(Part):
    """One planned shift of one worker, as instants in UTC. It belongs to the local `day` on which it begins.

    `roster` is the pack's roster that it comes from, `words` what that is called; None where it was
    `changed_by` somebody for that day, with a `reason`.
    """

    worker: str
    name: str
    unit: str | None = None
    day: date
    begins: datetime
    ends: datetime
    attendance: Attendance
    roster: str | None = None
    words: dict[str, str] = Field(default_factory=dict)
    changed_by: str | None = None
    reason: str | None = None


class RosterAnswer(Part):
    """The planned shifts by begin and worker, and shifts that somebody signed on for outside their plan."""

    planned: tuple[PlannedShift, ...]
    unplanned: tuple[Shift, ...] = ()


class GetRoster(Query[RosterAnswer]):
    """The planned shifts that begin on a local `day`; without one, those that go on now or begin today.

    With `attendance` only those that stand so: `missing` are those who should be there and are not.
    """

    type: ClassVar[str] = "roster.get.v1"
    service: ClassVar[str] = "dispatch"
    day: date | None = None
    unit: Id | None = None
    attendance: Attendance | None = None


class ChangeRoster(Command[RosterAnswer]):
    """A worker's planned shifts of one day are these `hours` instead: none at all for a day off.

    Without `hours` (null) the roster of the pack holds again. The worker must have a roster.
    """

    type: ClassVar[str] = "roster.change.v1"
    service: ClassVar[str] = "dispatch"
    worker: Id
    day: date
    hours: Annotated[tuple[Hours, ...], Field(max_length=4)] | None
    reason: Annotated[str, Field(min_length=1, max_length=1000)]
