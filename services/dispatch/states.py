"""How a worker stands: one state, worked out from the shift and from every task in hand, led or supported. Pure.

Nothing is kept that could differ from the cases themselves: a state cannot be lost, or left behind by a task that
somebody else took.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from qipan.contracts.case import CaseState, Going, Stage, Support, SupportState
from qipan.contracts.field import WorkerState
from services.dispatch.handover import workers_tenant
from services.dispatch.joint import in_hand
from services.dispatch.planned import Plan
from services.dispatch.shifts import Duty, away
from services.dispatch.worklist import HELD

BINDING = (
    WorkerState.ON_SCENE,
    WorkerState.EN_ROUTE,
    WorkerState.BUSY,
    WorkerState.RESERVED,
    WorkerState.AVAILABLE,
)
"""The most binding first: who is at a place cannot be elsewhere, who is on the way can be turned round."""

_GOING = {Going.EN_ROUTE: WorkerState.EN_ROUTE, Going.ON_SCENE: WorkerState.ON_SCENE}
_SUPPORTING = {SupportState.ASKED: WorkerState.RESERVED, SupportState.ACCEPTED: WorkerState.BUSY}


@dataclass(frozen=True, slots=True)
class Held:
    """A task that a worker has in hand: a case that they lead (主办), or their part of one that they support (协办)."""

    case: CaseState
    support: Support | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """A worker's state, and why it is that."""

    state: WorkerState
    why: str


def hands(case: CaseState) -> Iterator[tuple[str, str, Held]]:
    """Everybody in person who has a task of this case in hand: (tenant of the worker, worker, the task).

    Exactly these tasks make up the workers' loads (writing.py, supports.py).
    """
    if case.worker is not None and case.stage in HELD:
        yield workers_tenant(case), case.worker, Held(case)
    for support in in_hand(case):
        if support.worker is not None:
            yield case.tenant, support.worker, Held(case, support)


def of_task(held: Held) -> WorkerState:
    """How a task alone makes its worker stand; available when its worker has nothing to do about it now."""
    case, support = held.case, held.support
    if support is not None:
        if support.state is SupportState.ACCEPTED and support.leg is not None:
            return _GOING[support.leg.state]
        return _SUPPORTING.get(support.state, WorkerState.AVAILABLE)
    if case.stage is Stage.OFFERED:
        return WorkerState.RESERVED
    if case.stage in (Stage.ACCEPTED, Stage.REWORK):
        return _GOING[case.leg.state] if case.leg else WorkerState.BUSY
    return WorkerState.AVAILABLE


def standing(
    duty: Duty, held: Sequence[Held], now: datetime, *, required: bool, plan: Plan | None = None
) -> Standing:
    """The one state that follows from a shift, planned or signed on for, and the tasks in hand.

    Who is off shift is off whatever they hold; the reason then says what they hold, for the dispatcher to see to.
    """
    states = [of_task(one) for one in held]
    if (gone := away(duty, now, required=required, plan=plan)) is not None:
        _, off = gone
        return Standing(WorkerState.OFF, f"{off}; still holds {_tasks(len(held))}" if held else off)
    state = min(states, key=BINDING.index, default=WorkerState.AVAILABLE)
    if not held:
        return Standing(state, "has no task")
    binding = held[states.index(state)]
    what = "supporting case" if binding.support else "by case"
    others = f" and {_tasks(len(held) - 1)} more" if len(held) > 1 else ""
    return Standing(state, f"{what} {binding.case.case_id}{others}")


def _tasks(number: int) -> str:
    return f"{number} task{'' if number == 1 else 's'}"
