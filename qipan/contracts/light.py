"""Lights 绿黄红: how a case's running clock stands. A word goes with every colour."""

from datetime import datetime
from enum import StrEnum

from qipan.contracts.base import Part
from qipan.contracts.case import OPEN_STAGES, CaseState


class Colour(StrEnum):
    """The colours, and what there is without one."""

    GREEN = "green"
    YELLOW = "yellow"  # little is left
    RED = "red"  # overdue
    PAUSED = "paused"  # suspended: no clock runs
    OVER = "over"  # the case is closed or void


WORDS: dict[Colour, tuple[str, str]] = {
    Colour.GREEN: ("按期", "in time"),
    Colour.YELLOW: ("临近期限", "deadline near"),
    Colour.RED: ("超期", "overdue"),
    Colour.PAUSED: ("挂账", "suspended"),
    Colour.OVER: ("已办结", "over"),
}


class Light(Part):
    """The light of a case at one moment of its tenant's time, with its word by language.

    `escalated`: how far up an overdue clock was told (0 to 3).
    """

    colour: Colour
    word: dict[str, str]
    due_at: datetime | None = None
    escalated: int = 0


def light_of(case: CaseState, now: datetime) -> Light:
    """The light of a case at `now`, its tenant's domain time."""
    colour = _colour(case, now)
    zh, en = WORDS[colour]
    escalated = case.clock.escalated if case.clock else 0
    return Light(colour=colour, word={"zh": zh, "en": en}, due_at=case.due_at, escalated=escalated)


def _colour(case: CaseState, now: datetime) -> Colour:
    if case.stage not in OPEN_STAGES:
        return Colour.OVER
    if case.due_at is None:
        return Colour.PAUSED
    if now >= case.due_at:
        return Colour.RED
    return Colour.YELLOW if case.yellow_at is not None and now >= case.yellow_at else Colour.GREEN
