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


class Inspection(Part):
    """核查: the newest look at a disposal, by somebody else. `disposal` is what that had shown, `evidence` what the
    inspector saw; what it was like before, the report's own photos show.
    """

    by: str
    at: datetime
    passed: bool
    evidence: tuple[str, ...] = ()
    disposal: tuple[str, ...] = ()


class Callback(Part):
    """回访: what the reporter of a closed case said. `in_time`: contacted within the town's limit after closure."""

    at: datetime
    by: str
    attempts: int = 1
    contacted: bool = False
    in_time: bool = False
    resolved: bool | None = None
    satisfied: bool | None = None


class FollowUp(Part):
    """How a case was followed up; `reopened_at` is when the reporter last had it taken up again."""

    inspection: Inspection | None = None
    callback: Callback | None = None

    rectification: Rectification | None = None
    reopened_at: datetime | None = None
    reopened_because: str | None = None
