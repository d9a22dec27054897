"""退件: what is kept of a return, and what must hold before it is refused, disputed and decided. Pure.

A return is justified as long as nobody says otherwise: the dispatcher offers the case to somebody else. A
dispatcher who finds it unjustified gives the task back to its unit, which is counted (推诿). The unit may dispute
that once, before it takes the task; the district's arbiter then decides, and that is final.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

from qipan.contracts.case import CaseState, Remark, Return
from qipan.contracts.errors import Conflict, Fault, Forbidden, Invalid
from services.dispatch.objecting import stands_otherwise
from services.dispatch.steps import Actor, Brings, Effect, Guard

ARBITER = "arbiter"
"""The role in which somebody of the district decides a dispute: nobody has it of their own, see `arbitrates`."""

ARBITRATION = "arbitration"
"""The part of stage `returned` in which a case waits for the arbiter."""

SHOWN = 20


def arbitrates(base: str, roles: Collection[str], district: str, role: str) -> bool:
    """Whether somebody of tenant `base` with these roles is the arbiter, where the pack names `role`."""
    return base == district and role in roles


def given_back(case: CaseState, actor: Actor, now: datetime, reason: str, whose: str | None = None) -> Return:
    """A return as it is kept: who gave which task back, why, and whose it is instead."""
    worker = actor.id if "handler" in actor.roles else case.worker
    return Return(
        unit=case.unit, worker=worker, task_id=case.task_id, reason=reason, whose=whose or None, at=now
    )


def remarked(case: CaseState, what: str, remark: Remark) -> Return | None:
    """The return with a remark (`refused`, `disputed`, `allowed`, `denied`) added; None where there is none."""
    return case.returned.model_copy(update={what: remark}) if case.returned else None


def require_known(whose: str | None, known: Collection[str]) -> None:
    """Invalid, unless whoever is said to be responsible is a unit, department or tenant of the district."""
    if whose is None or whose in known:
        return
    allowed = ", ".join(sorted(id for id in known if "/" not in id)[:SHOWN])
    raise Invalid(
        "Nobody here has that name.",
        faults=(
            Fault(
                where="whose", what=f"{whose!r} is no unit, department or tenant", allowed=f"{allowed}; units"
            ),
        ),
    )


def returned_by_a_unit(case: CaseState, actor: Actor, brings: Brings) -> Fault | None:
    """A task goes back to the unit that returned it, and nowhere else."""
    if case.returned is not None and case.returned.unit is not None and brings.task_id:
        return None
    return Fault(where="case_id", what="no unit returned it", allowed="a case whose task a unit gave back")


def refused(case: CaseState, actor: Actor, brings: Brings) -> Conflict | None:
    """Only a refusal can be disputed."""
    if case.returned is not None and case.returned.refused is not None:
        return None
    return stands_otherwise("no return of it was refused", "a case whose return was refused")


def not_decided(case: CaseState, actor: Actor, brings: Brings) -> Forbidden | None:
    """The arbiter's decision is final."""
    done = case.returned and (case.returned.denied or case.returned.allowed)
    if not done:
        return None
    outcome = (
        "the return held: offer it to another unit"
        if case.returned and case.returned.allowed
        else ("the return did not hold: the unit sees to it")
    )
    return Forbidden(f"The district's arbiter decided on {done.at:%Y-%m-%d} that {outcome}.")


def not_let_off(case: CaseState, actor: Actor, brings: Brings) -> Fault | None:
    """Whom the arbiter let off is not asked again, by nobody."""
    if brings.unit is None or brings.unit not in case.let_off:
        return None
    what = f"the district's arbiter decided that {brings.unit} returned it with good reason"
    return Fault(where="unit", what=what, allowed="another unit")


def offer_again(actor: Actor, now: datetime, brings: Brings) -> Mapping[str, Any]:
    """The same task goes back to the one who returned it: that is no new offer."""
    return {
        "worker": brings.worker,
        "task_id": brings.task_id,
        "mandate": brings.mandate,
        "reason": brings.reason,
        "returned": brings.returned,
    }


GUARDS: Mapping[str, Guard] = MappingProxyType(
    {
        "returned-by-a-unit": returned_by_a_unit,
        "refused": refused,
        "not-decided": not_decided,
        "not-let-off": not_let_off,
    }
)
EFFECTS: Mapping[str, Effect] = MappingProxyType({"offer-again": offer_again})
