"""What a case remembers of whom it went through, whatever step it took. Pure."""

from collections.abc import Mapping
from typing import Any

from qipan.contracts.case import CaseState, Stage
from services.dispatch.steps import Actor


def remembered(
    case: CaseState, phase: Stage | None, actor: Actor, changes: Mapping[str, Any]
) -> dict[str, Any]:
    """What is to be kept of a step into `phase` that makes these changes.

    Whoever disposed of the case, in every round: the one who has the task and, where a service reports for them,
    that service.
    """
    if phase is not Stage.DISPOSED or case.stage is Stage.DISPOSED:
        return {}
    by = (changes.get("worker", case.worker), actor.id)
    return {"disposed_by": tuple(dict.fromkeys((*case.disposed_by, *(id for id in by if id is not None))))}
