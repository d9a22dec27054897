"""督办: what supervising, answering, expediting and remarking leave on a case, and what must hold. Pure."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

from qipan.contracts.case import CaseState
from qipan.contracts.errors import Conflict, Fault, Invalid
from qipan.contracts.supervised import Level, Supervision
from qipan.worktime import Limit
from qipan.worktime.limit import ALLOWED
from services.dispatch.objecting import stands_otherwise
from services.dispatch.steps import Actor, Brings, Effect, Guard

SUPERVISION_DUE = "supervision.due"
"""The timer by which an answer is due."""

_RANK = {Level.TOWN: 1, Level.DEPARTMENT: 1, Level.DISTRICT: 2}


def of(case: CaseState) -> Supervision:
    """The case's supervision so far."""
    return case.supervision or Supervision()


def supervised(
    case: CaseState, level: Level, by: str, reason: str, now: datetime, due_at: datetime
) -> Supervision:
    """Under supervision from now on, whatever was before."""
    before = of(case)
    return before.model_copy(
        update={
            "level": level,
            "open": True,
            "by": by,
            "reason": reason,
            "since": now,
            "answer_due_at": due_at,
            "answer": None,
            "answered_at": None,
            "count": before.count + 1,
        }
    )


def answered(case: CaseState, answer: str, now: datetime) -> Supervision:
    """Answered, and so lifted."""
    return of(case).model_copy(update={"open": False, "answer": answer, "answered_at": now})


def unanswered(case: CaseState) -> Supervision:
    """No answer came in time: it is counted, and the supervision goes on."""
    return of(case).model_copy(update={"overdue": of(case).overdue + 1})


def expedited(case: CaseState, now: datetime) -> Supervision:
    """Asked after once more."""
    return of(case).model_copy(update={"expedited": of(case).expedited + 1, "expedited_at": now})


def remarked(case: CaseState) -> Supervision:
    """Remarked upon once more."""
    return of(case).model_copy(update={"remarks": of(case).remarks + 1})


def limit_asked(text: str) -> Limit:
    """The limit that a supervisor wrote; Invalid when it is none."""
    try:
        return Limit.parse(text)
    except ValueError:
        raise Invalid(
            "This is no time limit.",
            faults=(Fault(where="answer_within", what=f"{text!r} is no limit", allowed=ALLOWED),),
        ) from None


def due_of(case: CaseState) -> dict[str, str]:
    """Which supervision a timer is for: it means nothing to any other."""
    due = of(case).answer_due_at
    return {"count": str(of(case).count), "due_at": due.isoformat() if due else ""}


def not_supervised_so_high(case: CaseState, actor: Actor, brings: Brings) -> Conflict | None:
    """One supervision at a time: only a higher level takes over while an answer is due."""
    before, after = of(case), brings.supervision
    if not before.open or before.level is None or after is None or after.level is None:
        return None
    if _RANK[after.level] > _RANK[before.level]:
        return None
    return stands_otherwise(
        f"{before.by} supervises this case at the level of the {before.level} already, "
        f"and waits for an answer until {before.answer_due_at}",
        "expedite it, or have a higher level supervise it",
    )


def is_supervised(case: CaseState, actor: Actor, brings: Brings) -> Conflict | None:
    """Only a supervision that waits for an answer can be answered."""
    if of(case).open:
        return None
    return stands_otherwise("no supervision waits for an answer", "a case under supervision")


def keep(actor: Actor, now: datetime, brings: Brings) -> Mapping[str, Any]:
    """The supervision as the step leaves it."""
    return {"supervision": brings.supervision} if brings.supervision is not None else {}


GUARDS: Mapping[str, Guard] = MappingProxyType(
    {"not-supervised-so-high": not_supervised_so_high, "is-supervised": is_supervised}
)
EFFECTS: Mapping[str, Effect] = MappingProxyType({"keep-supervision": keep})
