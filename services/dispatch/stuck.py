"""协办 that does not go on: a child task given back, or not taken in time, waits for a dispatcher. Pure."""

from collections.abc import Collection
from datetime import datetime

from qipan.contracts.case import OPEN_STAGES, CaseState, Support, SupportState, Waiting

WHAT_TO_DO = "ask another unit instead (open-support with instead_of), or excuse it (excuse-support)"


def given_back(unit: str, reason: str, person: str | None) -> Waiting:
    """What a returned child task waits for; `person` dispatches for whoever commands the case."""
    return Waiting(waits_for=person, reason=f"{unit} gave its part back: {reason}; {WHAT_TO_DO}")


def ref_of(case: CaseState, support: Support) -> str:
    """By what its timer is known."""
    return f"{case.case_id} {support.task_id}"


def late(case: CaseState, refs: Collection[str], now: datetime, person: str | None) -> tuple[Support, ...]:
    """The child tasks of a case after the clocks of some (by `ref_of`) ran out; the same ones when nothing is late."""
    if case.stage not in OPEN_STAGES:
        return case.supports
    return tuple(
        _overdue(support, now, person)
        if ref_of(case, support) in refs and _is_late(support, now)
        else support
        for support in case.supports
    )


def _is_late(support: Support, now: datetime) -> bool:
    waits = support.state is SupportState.ASKED and support.overdue_at is None
    return waits and support.due_at is not None and now >= support.due_at


def _overdue(support: Support, now: datetime, person: str | None) -> Support:
    who = support.worker or support.unit
    why = f"{who} did not answer in time; {WHAT_TO_DO}"
    waiting = Waiting(waits_for=person, reason=why)
    return support.model_copy(update={"overdue_at": now, "waiting": waiting})
