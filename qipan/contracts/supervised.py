"""What is known of a case's supervision (督办, 催办, 督察意见): part of its public state."""

from datetime import datetime
from enum import StrEnum

from qipan.contracts.base import Part


class Level(StrEnum):
    """Whose supervision it is: that of the supervisor's own tenant."""

    TOWN = "town"
    DEPARTMENT = "department"
    DISTRICT = "district"


class Supervision(Part):
    """How far a case is watched. Times are domain time in UTC.

    While `open`, an answer is due by `answer_due_at`, to `by`, who asked at `since` because of `reason`.
    Cumulative: `count` of supervisions, `expedited` of expeditings, `remarks` of audit remarks, `overdue` of
    answers that did not come in time.
    """

    level: Level | None = None
    open: bool = False
    by: str | None = None
    reason: str | None = None
    since: datetime | None = None
    answer_due_at: datetime | None = None
    answer: str | None = None
    answered_at: datetime | None = None
    count: int = 0
    overdue: int = 0
    expedited: int = 0
    expedited_at: datetime | None = None
    remarks: int = 0
