"""Field command: who is on shift, how every worker stands, going to a task and being there."""

from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Literal

from qipan.contracts.base import Command, Part, Query
from qipan.contracts.case import Place, Stage
from qipan.contracts.commands import CaseCommand, Id


class WorkerState(StrEnum):
    """How a worker stands: one word, however many tasks there are; of several the most binding holds."""

    OFF = "off"  # 离岗: not on shift
    AVAILABLE = "available"  # 待命
    RESERVED = "reserved"  # 已派: asked, has not answered
    BUSY = "busy"  # 处置中: has taken a task; where to, nobody said
    EN_ROUTE = "en-route"  # 途中
    ON_SCENE = "on-scene"  # 到场


class Shift(Part):
    """A worker's shift (domain time, UTC). It ends at `until` at the latest; `ended_at` None: it goes on.

    `planned`: whether it began within a planned shift of the worker's, or shortly before; None: there is no roster.
    """

    worker: str
    started_at: datetime
    until: datetime
    ended_at: datetime | None = None
    ended_by: str | None = None
    planned: bool | None = None


class StartShift(Command[Shift]):
    """上岗: a worker signs on, or is signed on by the town's centre (`worker`).

    It ends at `until`, or after the town's longest shift. Who is on shift already only moves its end.
    """

    type: ClassVar[str] = "shift.start.v1"
    service: ClassVar[str] = "dispatch"
    worker: Id | None = None
    until: datetime | None = None


class EndShift(Command[Shift]):
    """下岗: a worker signs off, or is signed off by the town's centre. Tasks in hand stay in hand."""

    type: ClassVar[str] = "shift.end.v1"
    service: ClassVar[str] = "dispatch"
    worker: Id | None = None


class DepartForTask(CaseCommand):
    """出发: a handler sets off to the case; with `task_id`, for the child task that they have of it (协办)."""

    type: ClassVar[str] = "task.depart.v1"
    task_id: Id | None = None


class ArriveOnScene(CaseCommand):
    """到场: a handler is there; with `task_id`, for the child task that they have of the case (协办)."""

    type: ClassVar[str] = "task.arrive.v1"
    task_id: Id | None = None


class HeldTask(Part):
    """A task that a worker holds, and how it alone would make the worker stand.

    `role`: whether the worker leads the case (主办) or has a child task of it (协办), which is then `task_id`.
    """

    case_id: str
    task_id: str | None = None
    role: Literal["lead", "support"] = "lead"
    matter: str
    stage: Stage
    state: WorkerState
    place: Place
    due_at: datetime | None = None


class Fielded(Part):
    """One worker as the dispatcher sees them. `why` says in words from what the state follows.

    `shift` is the running or the newest one; None: never signed on.
    """

    worker: str
    name: str
    unit: str | None = None
    state: WorkerState
    why: str
    shift: Shift | None = None
    tasks: tuple[HeldTask, ...] = ()


class FieldAnswer(Part):
    """Every worker whom the asker may see, by unit and id."""

    workers: tuple[Fielded, ...]


class GetField(Query[FieldAnswer]):
    """How the town's workers stand: all, or those of one unit or in one state."""

    type: ClassVar[str] = "field.get.v1"
    service: ClassVar[str] = "dispatch"
    unit: Id | None = None
    state: WorkerState | None = None
