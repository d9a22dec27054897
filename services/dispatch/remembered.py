"""What a case remembers of whom it went through, whatever step it took. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any

from qipan.contracts import events
from qipan.contracts.case import CaseState, Stage
from services.dispatch.steps import Actor


def remembered(
    case: CaseState,
    event: type[events.CaseEvent],
    phase: Stage | None,
    actor: Actor,
    changes: Mapping[str, Any],
) -> dict[str, Any]:
    """What is to be kept of a step into `phase`, told by `event`, that makes these changes.

    Whoever disposed of the case, in every round: the one who has the task and, where a service reports for them,
    that service. Which units gave it back: one whose return was refused has not, until the arbiter lets it off.
    """
    if phase is Stage.DISPOSED and case.stage is not Stage.DISPOSED:
        return {"disposed_by": _with(case.disposed_by, changes.get("worker", case.worker), actor.id)}
    if event is events.CaseReturned:
        return {"declined": _with(case.declined, case.unit)}
    if event in (events.CaseReturnRefused, events.CaseReturnDenied):
        return {"declined": tuple(unit for unit in case.declined if unit != case.unit)}
    if event is events.CaseReturnAllowed:
        return {"declined": _with(case.declined, case.unit), "let_off": _with(case.let_off, case.unit)}
    return {}


def _with(known: Iterable[str], *more: str | None) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*known, *(one for one in more if one is not None))))
