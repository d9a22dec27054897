"""整改 and 重开: what they leave on a case, and what must hold. Pure."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

from qipan.contracts.case import CaseState
from qipan.contracts.errors import Conflict, Forbidden
from qipan.contracts.followed_up import FollowUp, Rectification
from services.dispatch.objecting import stands_otherwise
from services.dispatch.steps import Actor, Brings, Effect, Guard

RECTIFICATION_DUE = "rectification.due"
"""The timer by which a rectification is to be answered."""

OPEN, ANSWERED, CLOSED = "open", "answered", "closed"


def of(case: CaseState) -> FollowUp:
    """What followed so far."""
    return case.follow_up or FollowUp()


def current(case: CaseState) -> Rectification | None:
    """The newest rectification, while something is still to be done about it."""
    newest = of(case).rectification
    return newest if newest is not None and newest.status != CLOSED else None


def wanted(case: CaseState, worst: int) -> bool:
    """Whether the case's rating opens a rectification: the two lowest, where `worst` is 2; 0: none does."""
    return case.rating is not None and case.rating <= worst and current(case) is None


def opened(case: CaseState, now: datetime, due_at: datetime) -> FollowUp:
    """A rectification by whoever disposed of the case."""
    before = of(case)
    rectification = Rectification(
        number=before.rectification.number + 1 if before.rectification else 1,
        status=OPEN,
        rating=case.rating,
        unit=case.unit,
        worker=case.worker,
        opened_at=now,
        due_at=due_at,
    )
    return before.model_copy(update={"rectification": rectification})


def answered(case: CaseState, by: str, answer: str, evidence: tuple[str, ...], now: datetime) -> FollowUp:
    """Answered: a shift leader looks at it."""
    return _changed(case, status=ANSWERED, answer=answer, evidence=evidence, answered_by=by, answered_at=now)


def refused(case: CaseState, due_at: datetime) -> FollowUp:
    """The answer does not do: another is due."""
    return _changed(case, status=OPEN, due_at=due_at, overdue_at=None, answered_at=None)


def closed(case: CaseState, now: datetime) -> FollowUp:
    """Put right."""
    return _changed(case, status=CLOSED, closed_at=now)


def unanswered(case: CaseState, now: datetime) -> FollowUp:
    """No answer came in time; one is still due."""
    return _changed(case, overdue_at=now)


def reopened(case: CaseState, because: str, now: datetime) -> FollowUp:
    """The reporter has the case taken up again."""
    return of(case).model_copy(update={"reopened_at": now, "reopened_because": because, "callback": None})


def due_of(case: CaseState) -> dict[str, str]:
    """Which deadline of which rectification a timer is for: it means nothing to any other."""
    newest = of(case).rectification
    return {"number": str(newest.number), "due_at": newest.due_at.isoformat()} if newest else {}


def _changed(case: CaseState, **changes: Any) -> FollowUp:
    before = of(case)
    newest = before.rectification
    if newest is None:
        return before
    return before.model_copy(update={"rectification": newest.model_copy(update=changes)})


def _is(status: str, what: str) -> Guard:
    def guard(case: CaseState, actor: Actor, brings: Brings) -> Conflict | None:
        newest = of(case).rectification
        if newest is not None and newest.status == status:
            return None
        stands = f"the case's rectification is {newest.status}" if newest else "the case has no rectification"
        return stands_otherwise(stands, what)

    return guard


is_rectifying = _is(OPEN, "a case whose rectification waits for an answer")
is_rectified = _is(ANSWERED, "a case whose rectification has been answered")


def not_who_answered(case: CaseState, actor: Actor, brings: Brings) -> Forbidden | None:
    """Nobody accepts their own answer."""
    newest = of(case).rectification
    if newest is None or newest.answered_by != actor.id:
        return None
    return Forbidden("Whoever answered for a rectification cannot close it; ask another shift leader.")


def keep(actor: Actor, now: datetime, brings: Brings) -> Mapping[str, Any]:
    """What followed, as the step leaves it."""
    return {"follow_up": brings.follow_up} if brings.follow_up is not None else {}


def take_up_again(actor: Actor, now: datetime, brings: Brings) -> Mapping[str, Any]:
    """The case is open once more: whose it is, a dispatcher decides anew, and its time to dispose begins again."""
    due = {} if brings.due_at is None else {"dispose_due_at": brings.due_at}
    return {
        **keep(actor, now, brings),
        **due,
        "closed_at": None,
        "disposed_at": None,
        "worker": None,
        "task_id": None,
        "rating": None,
        "reason": brings.reason,
    }


GUARDS: Mapping[str, Guard] = MappingProxyType(
    {"is-rectifying": is_rectifying, "is-rectified": is_rectified, "not-who-answered": not_who_answered}
)
EFFECTS: Mapping[str, Effect] = MappingProxyType({"keep-follow-up": keep, "take-up-again": take_up_again})
