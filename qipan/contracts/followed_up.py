"""What comes after the fact (整改, 重开): part of a case's public state."""

from datetime import datetime

from qipan.contracts.base import Part


class Rectification(Part):
    """整改: what a poor rating asks of the unit that disposed of the case. Times are domain time in UTC.

    It is `open` until it was answered with evidence, `answered` until a shift leader closes it, then `closed`.
    `number` counts a case's rectifications from 1.
    """

    number: int
    status: str
    rating: int | None = None
    unit: str | None = None
    worker: str | None = None
    opened_at: datetime
    due_at: datetime
    overdue_at: datetime | None = None
    answer: str | None = None
    evidence: tuple[str, ...] = ()
    answered_by: str | None = None
    answered_at: datetime | None = None
    closed_at: datetime | None = None


class FollowUp(Part):
    """How a case was followed up; `reopened_at` is when the reporter last had it taken up again."""

    rectification: Rectification | None = None
    reopened_at: datetime | None = None
    reopened_because: str | None = None
