"""核实: how the look on the spot before filing stands or ended."""

from datetime import datetime
from enum import StrEnum

from qipan.contracts.base import Part


class Finding(StrEnum):
    """What the grid worker found."""

    CONFIRMED = "confirmed"  # it is as reported: filed
    NOT_FOUND = "not-found"  # there is nothing: declined
    DIFFERENT = "different"  # it is another matter: filed as that, or back to the acceptor when nobody knows


class Checked(Part):
    """How a verification stands or ended. `answered_at` is empty until it is answered, and when it ran out."""

    asked_at: datetime
    due_at: datetime
    asked_by: str
    answered_at: datetime | None = None
    answered_by: str | None = None
    finding: Finding | None = None
    lapsed_at: datetime | None = None

    @property
    def on_time(self) -> bool:
        """Whether it was answered before it was due."""
        return self.answered_at is not None and self.answered_at <= self.due_at
