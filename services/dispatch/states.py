"""How a worker stands: one state, worked out from the shift and from every task in hand. Pure.

Nothing is kept that could differ from the cases themselves: a state cannot be lost, or left behind by a task that
somebody else took.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from qipan.contracts.case import CaseState, Going, Stage
from qipan.contracts.field import WorkerState
from services.dispatch.shifts import Duty

BINDING = (
    WorkerState.ON_SCENE,
    WorkerState.EN_ROUTE,
    WorkerState.BUSY,
    WorkerState.RESERVED,
    WorkerState.AVAILABLE,
)
"""The most binding first: who is at a place cannot be elsewhere, who is on the way can be turned round."""

_GOING = {Going.EN_ROUTE: WorkerState.EN_ROUTE, Going.ON_SCENE: WorkerState.ON_SCENE}


@dataclass(frozen=True, slots=True)
class Standing:
    """A worker's state, and why it is that."""

    state: WorkerState
    why: str


def of_task(case: CaseState) -> WorkerState:
    """How a case alone makes its worker stand; available when its worker has nothing to do about it now."""
    if case.stage is Stage.OFFERED:
        return WorkerState.RESERVED
    if case.stage in (Stage.ACCEPTED, Stage.REWORK):
        return _GOING[case.leg.state] if case.leg else WorkerState.BUSY
    return WorkerState.AVAILABLE


def standing(duty: Duty, held: Sequence[CaseState], now: datetime, *, required: bool) -> Standing:
    """The one state that follows from a shift and the cases in hand.

    Who is off shift is off whatever they hold; the reason then says what they hold, for the dispatcher to see to.
    """
    states = [of_task(case) for case in held]
    off = duty.why_off(now, required=required)
    if off is not None:
        return Standing(WorkerState.OFF, f"{off}; still holds {_tasks(len(held))}" if held else off)
    state = min(states, key=BINDING.index, default=WorkerState.AVAILABLE)
    if not held:
        return Standing(state, "has no task")
    case = held[states.index(state)]
    others = f" and {_tasks(len(held) - 1)} more" if len(held) > 1 else ""
    return Standing(state, f"by case {case.case_id}{others}")


def _tasks(number: int) -> str:
    return f"{number} task{'' if number == 1 else 's'}"
