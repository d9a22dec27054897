"""What a worker did where there was no signal, brought in afterwards; and what could not be brought in as it was."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AwareDatetime, Field

from qipan.contracts import commands, field, joint
from qipan.contracts.addressed import FieldEvent
from qipan.contracts.base import Command, Part, Query
from qipan.contracts.case import CaseState
from qipan.contracts.commands import CaseCommand, Done, Id
from qipan.contracts.errors import RemoteFault
from qipan.contracts.queries import Limit

FIELD_COMMANDS: dict[str, type[CaseCommand]] = {
    kind.type: kind
    for kind in (
        commands.AcceptTask,
        field.DepartForTask,
        field.ArriveOnScene,
        commands.ReturnTask,
        commands.DisposeTask,
        commands.InspectCase,
        commands.TakeStep,
        joint.AcceptSupport,
        joint.FinishSupport,
        joint.ReturnSupport,
    )
}
"""What can be done without signal."""


class Outcome(StrEnum):
    """What became of a command that was brought in."""

    APPLIED = "applied"  # 已执行
    CONFLICT = "conflict"  # 冲突: the case has moved on meanwhile; a person decides
    HELD = "held"  # 暂缓: an earlier command on the case waits for that decision
    REFUSED = "refused"  # 不予执行: it would have been refused at the time, too
    DISCARDED = "discarded"  # 作废: a person has decided that it is not to be carried out


class Replayed(Part):
    """What became of one command. `repeated`: it had been brought in before, and nothing was done now.

    `case` is the case as it is now, where the asker may see it. `skew` is by how many seconds the device's clock
    was ahead when it sent.
    """

    outcome: Outcome
    repeated: bool = False
    case: CaseState | None = None
    problem: RemoteFault | None = None
    skew: float = 0.0


class ReplayCommand(Command[Replayed]):
    """One command that a worker gave to a device of theirs (`client`) as its `sequence`-th, at `at` by its clock.

    `does` is the type of the command, one of `FIELD_COMMANDS`, and `body` what it takes beside the case.
    `expected_version` is the case's version as the worker last saw it from the server: what the worker alone has
    done since, and what does not move a case, is no conflict. `sent_at` is the device's clock when it was sent.
    """

    type: ClassVar[str] = "offline.replay.v1"
    service: ClassVar[str] = "dispatch"
    remembered: ClassVar[bool] = False  # the record of it answers a repeat
    client: Id
    sequence: Annotated[int, Field(ge=1, le=2**53)]
    at: AwareDatetime
    sent_at: AwareDatetime
    does: Id
    case_id: Id
    expected_version: Annotated[int, Field(ge=1)] | None = None
    body: dict[str, Any] = Field(default_factory=dict)


class Conflicting(Part):
    """A command that waits for a person's decision. `at` is the device's time, `received_at` domain time.

    `held`: how many later ones of the same worker on the case wait behind it.
    """

    conflict_id: str
    case_id: str
    worker: str
    does: str
    body: dict[str, Any] = Field(default_factory=dict)
    at: datetime
    skew: float
    received_at: datetime
    expected_version: int | None = None
    problem: RemoteFault
    held: int = 0
    case: CaseState | None = None


class Conflicts(Part):
    """A page of conflicts, the oldest first; `next` is what to give as `after` for the rest."""

    conflicts: tuple[Conflicting, ...]
    next: str | None = None


class ListConflicts(Query[Conflicts]):
    """What workers of the tenant did without signal and could not be brought in as it was."""

    type: ClassVar[str] = "offline.conflicts.v1"
    service: ClassVar[str] = "dispatch"
    limit: Limit = 100
    after: str | None = None


class DecideConflict(Command[Done]):
    """A person decides: `apply` it now, as the worker could do it now, and those behind it; or `discard` them all.

    To make it fit, the case is first brought where it fits, by the usual steps.
    """

    type: ClassVar[str] = "offline.decide.v1"
    service: ClassVar[str] = "dispatch"
    conflict_id: Id
    decision: Literal["apply", "discard"]
    note: Annotated[str, Field(min_length=1, max_length=4000)]


class ConflictKept(FieldEvent):
    """What a worker did without signal does not fit the case as it is now: it waits on the list of `to.desks`."""

    type: ClassVar[str] = "conflict.kept.v1"
    conflict_id: str
    worker: str
    does: str
