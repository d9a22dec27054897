"""平战模式: the operating mode of a town, peacetime or emergency, and its switch."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from qipan.contracts.base import Command, Event, Part, Query

Level = Annotated[int, Field(ge=1, le=4)]
"""应急响应级别: the level of the response, 1 (worst) to 4."""


class Mode(StrEnum):
    """How a town works."""

    PEACETIME = "peacetime"  # 平时
    EMERGENCY = "emergency"  # 战时


class ModeState(Part):
    """A town's mode since a moment (domain time, UTC); `number` counts its switches, 0: none so far.

    `until`: when an emergency ends of itself. `by`: who switched, `system` at its end.
    """

    tenant: str
    number: int = 0
    mode: Mode = Mode.PEACETIME
    level: Level | None = None
    reason: str = ""
    since: datetime | None = None
    until: datetime | None = None
    by: str | None = None


class ModeAnswer(Part):
    """The mode that holds, and every switch so far, the newest first, a hundred at most."""

    now: ModeState
    history: tuple[ModeState, ...] = ()


class SwitchMode(Command[ModeState]):
    """A lead of the town or the district switches the town's mode; an emergency has a level.

    While an emergency lasts the pack's emergency limits and run cards hold for the cases filed in it. Switching
    from emergency to emergency changes its level or its end.
    """

    type: ClassVar[str] = "mode.switch.v1"
    service: ClassVar[str] = "dispatch"
    mode: Mode
    level: Level | None = None
    reason: Annotated[str, Field(min_length=1, max_length=500)]
    until: datetime | None = None


class GetMode(Query[ModeAnswer]):
    """The mode of the town addressed."""

    type: ClassVar[str] = "mode.get.v1"
    service: ClassVar[str] = "dispatch"


class ModeSwitched(Event):
    """A town works in another mode from now on, or at another level."""

    type: ClassVar[str] = "mode.switched.v1"
    state: ModeState
