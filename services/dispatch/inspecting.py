"""核查 and 回访: what an inspection shows, who may not make one, and what a callback says. Pure."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

from qipan.contracts.case import CaseState
from qipan.contracts.errors import Fault, Forbidden
from qipan.contracts.followed_up import Callback, FollowUp, Inspection
from services.dispatch import rectification, steps
from services.dispatch.steps import Actor, Brings, Effect, Guard


def inspected(case: CaseState, by: str, passed: bool, evidence: tuple[str, ...], now: datetime) -> FollowUp:
    """The newest inspection, beside what the report and the disposal showed."""
    inspection = Inspection(by=by, at=now, passed=passed, evidence=evidence, disposal=case.evidence)
    return rectification.of(case).model_copy(update={"inspection": inspection})


def called_back(
    case: CaseState,
    by: str,
    contacted: bool,
    resolved: bool | None,
    satisfied: bool | None,
    now: datetime,
    due_at: datetime,
) -> FollowUp:
    """The newest callback; whoever was contacted in time once was so, however often one calls."""
    before = rectification.of(case).callback
    callback = Callback(
        at=now,
        by=by,
        attempts=before.attempts + 1 if before else 1,
        contacted=contacted or bool(before and before.contacted),
        in_time=(contacted and now <= due_at) or bool(before and before.in_time),
        resolved=resolved if contacted else before.resolved if before else None,
        satisfied=satisfied if contacted else before.satisfied if before else None,
    )
    return rectification.of(case).model_copy(update={"callback": callback})


def not_of_the_unit(case: CaseState, actor: Actor, brings: Brings) -> Forbidden | None:
    """Where the town says so, not even somebody of the same unit inspects."""
    if case.unit is None or case.unit not in actor.units:
        return None
    return Forbidden(f"This town's cases are inspected by somebody who is not of {case.unit}.")


def answers_given(case: CaseState, actor: Actor, brings: Brings) -> Fault | None:
    """Whoever was reached was asked both questions."""
    callback = brings.follow_up.callback if brings.follow_up else None
    if callback is None or not callback.contacted:
        return None
    if callback.resolved is not None and callback.satisfied is not None:
        return None
    return Fault(
        where="resolved, satisfied",
        what="the reporter was contacted, so both are known",
        allowed="true or false for each",
    )


def find_wanting(actor: Actor, now: datetime, brings: Brings) -> Mapping[str, Any]:
    """A disposal that did not hold is none; what the inspector saw is kept."""
    return {**steps.find_wanting(actor, now, brings), **rectification.keep(actor, now, brings)}


def withdraw(actor: Actor, now: datetime, brings: Brings) -> Mapping[str, Any]:
    """Nobody in person has the case; the inspector's reason stays, for the dispatcher, unless there is another."""
    why = {"reason": brings.reason} if brings.reason else {}
    return {"worker": None, "task_id": None, "leg": None, **why}


GUARDS: Mapping[str, Guard] = MappingProxyType(
    {"not-of-the-unit": not_of_the_unit, "answers-given": answers_given}
)
EFFECTS: Mapping[str, Effect] = MappingProxyType({"find-wanting": find_wanting, "withdraw": withdraw})
