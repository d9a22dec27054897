"""Rules for what is brought in after hours without signal: what disturbs it, how clocks differ. Pure."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from pydantic import ValidationError

from qipan.contracts.case import CaseState
from qipan.contracts.commands import CaseCommand
from qipan.contracts.errors import Conflict, Fault, Forbidden, Invalid, NotFound, QipanError
from qipan.contracts.offline import FIELD_COMMANDS, Outcome, ReplayCommand
from qipan.ids import derived_id
from services.dispatch.joint import in_hand
from services.dispatch.process import Transition


@dataclass(frozen=True, slots=True)
class Since:
    """One step on a case since a worker last saw it: which, by whom."""

    what: str
    who: str


def id_of(person: str, command: ReplayCommand) -> str:
    """The one id of a command: it is the same one however often the device sends it."""
    return derived_id("offline", person, command.client, str(command.sequence))


def disturbed(since: Iterable[Since], person: str, steps: Mapping[str, Transition]) -> bool:
    """Whether the case is another one than the worker saw.

    What the worker alone has done since was done knowing it; what leaves the case where it is (a clock ran out,
    a rating) changes nothing about the work.
    """
    return any(
        step.who != person and (step.what not in steps or steps[step.what].target is not None)
        for step in since
    )


def part_of(command: ReplayCommand) -> str | None:
    """The child task that a command is about (协办); None: the case's own, or something else about the case."""
    kind = FIELD_COMMANDS.get(command.does)
    named = command.body.get("task_id")
    return named if kind is not None and "task_id" in kind.model_fields and isinstance(named, str) else None


def has_in_hand(case: CaseState, person: str, part: str | None) -> bool:
    """Whether the person still has what they worked on: the case, or this child task of it."""
    if part is None:
        return case.worker == person
    return any(support.task_id == part and support.worker in (None, person) for support in in_hand(case))


def outcome_of(error: QipanError, moved: bool) -> Outcome:
    """Whether an error is a conflict, which a person decides about, or a plain refusal.

    `moved`: the case has moved on since the worker saw it. Then that it is no longer the worker's to act on is a
    conflict as well: the work is done, and somebody else has been sent.
    """
    if isinstance(error, Conflict) or (moved and isinstance(error, Forbidden | NotFound)):
        return Outcome.CONFLICT
    return Outcome.REFUSED


def skew(command: ReplayCommand, received: datetime) -> float:
    """By how many seconds the device's clock was ahead when it sent (real time)."""
    return round((command.sent_at - received).total_seconds(), 3)


def noted(command: ReplayCommand, skew: float) -> dict[str, str]:
    """What the history keeps beside our own time. The device's time starts and stops no clock."""
    return {"client": command.client, "client_at": command.at.isoformat(), "client_skew": f"{skew:+.0f} s"}


def content_of(command: ReplayCommand) -> ReplayCommand:
    """What makes it the same command: not when it was sent."""
    return command.model_copy(update={"sent_at": command.at})


def request_of(command: ReplayCommand, expected: int | None) -> CaseCommand:
    """The command itself, as it would be given now; Invalid when it is none that can be given without signal."""
    kind = FIELD_COMMANDS.get(command.does)
    if kind is None:
        fault = Fault(where="does", what=f"{command.does!r}", allowed=", ".join(sorted(FIELD_COMMANDS)))
        raise Invalid("This is nothing that can be done without signal.", faults=(fault,))
    try:
        fields = {**command.body, "case_id": command.case_id, "expected_version": expected}
        return kind.model_validate_json(json.dumps(fields))
    except ValidationError as error:
        faults = tuple(
            Fault(where=".".join(map(str, one["loc"])), what=one["msg"])
            for one in error.errors(include_url=False)
        )
        raise Invalid(faults=faults) from None
