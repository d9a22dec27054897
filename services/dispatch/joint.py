"""联合处置: the child tasks of supporting units beside the lead's, and when the case may go on. Pure.

After the practice of lead and support (主办/协办): the lead unit answers for the case, each supporting unit for its
own part, with evidence of its own; the case passes inspection and is closed only when every part is done or excused.
"""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

from qipan.contracts.case import CaseState, Going, Leg, Stage, Support, SupportState
from qipan.contracts.errors import Fault, Forbidden, IllegalTransition, Invalid, NotFound
from services.dispatch.steps import Actor, Brings, Effect, Guard

OVER = frozenset({SupportState.DONE, SupportState.EXCUSED})
"""States in which nothing more is expected of a supporting unit."""

IN_HAND = frozenset({SupportState.ASKED, SupportState.ACCEPTED})
"""States in which a worker has the child task on the list; what a load counts."""

MOVES: Mapping[str, tuple[frozenset[SupportState], SupportState]] = MappingProxyType(
    {
        "accept-support": (frozenset({SupportState.ASKED}), SupportState.ACCEPTED),
        "depart-support": (frozenset({SupportState.ACCEPTED}), SupportState.ACCEPTED),
        "arrive-support": (frozenset({SupportState.ACCEPTED}), SupportState.ACCEPTED),
        "finish-support": (frozenset({SupportState.ACCEPTED}), SupportState.DONE),
        "return-support": (IN_HAND, SupportState.RETURNED),
        "excuse-support": (IN_HAND | {SupportState.RETURNED}, SupportState.EXCUSED),
    }
)
"""Step → from which states of the child task, and to which."""

GOES: Mapping[Going, str] = MappingProxyType(
    {Going.EN_ROUTE: "depart-support", Going.ON_SCENE: "arrive-support"}
)
"""The steps by which a supporting worker goes."""


def in_hand(case: CaseState | None) -> tuple[Support, ...]:
    """The child tasks that somebody still has on the list; none once the case is over."""
    if case is None or case.stage in (Stage.CLOSED, Stage.VOIDED):
        return ()
    return tuple(support for support in case.supports if support.state in IN_HAND)


def opened(
    case: CaseState,
    unit: str,
    department: str,
    worker: str | None,
    reason: str,
    now: datetime,
    *,
    of_a_crew: bool = False,
) -> tuple[Support, ...]:
    """The child tasks with one more; Invalid where the unit has the case itself, or a part of it, already.

    A run card sends more than one of a unit: for a crew the same holds of each person, or of a unit as a whole.
    """
    live = [support for support in case.supports if support.state not in OVER]
    if of_a_crew and worker is not None:
        at_it = worker == case.worker or any(worker == support.worker for support in live)
    else:
        at_it = unit == case.unit or any(unit == support.unit for support in live)
    if at_it:
        raise Invalid(
            "The unit is at it already.",
            faults=(Fault(where="unit", what=f"{unit} leads or supports this case", allowed="another unit"),),
        )
    support = Support(
        task_id=f"{case.case_id}.s{len(case.supports) + 1}",
        unit=unit,
        department=department,
        worker=worker,
        state=SupportState.ASKED,
        reason=reason,
        asked_at=now,
        changed_at=now,
    )
    return (*case.supports, support)


def through_department(supports: tuple[Support, ...]) -> tuple[Support, ...]:
    """The same, where the newest is not the town's to command: its department is asked to send somebody."""
    return (*supports[:-1], supports[-1].model_copy(update={"through_department": True}))


def until(supports: tuple[Support, ...], due_at: datetime) -> tuple[Support, ...]:
    """The same, the newest being to be accepted by then."""
    return (*supports[:-1], supports[-1].model_copy(update={"due_at": due_at}))


def support_of(case: CaseState, task_id: str) -> Support:
    """The child task with this id; NotFound."""
    found = next((support for support in case.supports if support.task_id == task_id), None)
    if found is None:
        raise NotFound(f"Case {case.case_id} has no child task {task_id!r}.")
    return found


def moved(case: CaseState, task_id: str, step: str, now: datetime, **changes: Any) -> tuple[Support, ...]:
    """The child tasks after one of them took a step; NotFound, or IllegalTransition with what it stands at.

    Nobody is on the way to a part, or there with it, that has changed hands or is over.
    Its clock says nothing any more, and it waits for nobody but by `changes`.
    """
    support = support_of(case, task_id)
    sources, target = MOVES[step]
    if support.state not in sources:
        raise IllegalTransition(
            f"The child task is {support.state}, so it cannot take the step “{step}”; from: "
            f"{', '.join(sorted(sources))}.",
            stage=support.state,
            version=case.version,
        )
    over: dict[str, Any] = {"due_at": None, "waiting": None, "leg": None}
    after = support.model_copy(update={"state": target, "changed_at": now, **over, **changes})
    return tuple(after if one is support else one for one in case.supports)


def gone(case: CaseState, task_id: str, who: str, going: Going, now: datetime) -> tuple[Support, ...]:
    """The child tasks once the worker of one of them is on the way to it or there; Forbidden for anybody else."""
    support = support_of(case, task_id)
    if support.state in IN_HAND and who != support.worker:
        raise Forbidden(f"Only {support.worker or 'whoever takes the child task'} goes to it.")
    return moved(case, task_id, GOES[going], now, leg=Leg(state=going, since=now))


def supports_over(case: CaseState, actor: Actor, brings: Brings) -> Fault | None:
    """Closed only together: every supporting unit has done its part, or was excused from it."""
    waiting = [support.unit for support in case.supports if support.state not in OVER]
    if not waiting:
        return None
    return Fault(
        where="supports",
        what=f"still expected: the part of {', '.join(waiting)}",
        allowed="every part done, or excused by a dispatcher",
    )


def supports_given(case: CaseState, actor: Actor, brings: Brings) -> Fault | None:
    """A step of joint handling is about a child task."""
    if brings.supports is not None:
        return None
    return Fault(where="task_id", what="the step is about a child task")


def keep_supports(actor: Actor, now: datetime, brings: Brings) -> Mapping[str, Any]:
    """The child tasks as the step leaves them; the lead's task is untouched."""
    return {"supports": brings.supports}


GUARDS: Mapping[str, Guard] = MappingProxyType(
    {"supports-over": supports_over, "supports-given": supports_given}
)
EFFECTS: Mapping[str, Effect] = MappingProxyType({"keep-supports": keep_supports})
