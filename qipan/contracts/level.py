"""The risk level with which a report comes in."""

from enum import StrEnum


class Level(StrEnum):
    """How much harm the sender sees coming, least first. `urgent` makes an emergency of the report."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"
    URGENT = "urgent"

    @property
    def rank(self) -> int:
        """For comparing: the greater, the graver."""
        return tuple(Level).index(self)
