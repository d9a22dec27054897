"""移交: whose a case is said to be, who commands it, and what must hold before it changes hands. Pure.

The case of record stays with the tenant in which it arose, under its id (docs/adr/0019): who *commands* it changes.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

from qipan.contracts.case import CaseState, Handover, HandoverState, Remark, Stage
from qipan.contracts.errors import Conflict, Fault, Forbidden, Invalid
from qipan.tenancy import in_shadow, shadow_of
from services.dispatch.objecting import stands_otherwise
from services.dispatch.steps import NOTHING, Actor, Brings, Effect, Guard

ARBITER = "arbiter"
MOVABLE = frozenset({Stage.FILED, Stage.OFFERED, Stage.ACCEPTED, Stage.RETURNED, Stage.REWORK})
"""Stages in which a case changes hands; in narrower ones within them (`suspended`) it does not."""

SHOWN = 20


def commander(case: CaseState) -> str:
    """The tenant whose dispatcher the case is: where it arose, or who took it over."""
    return (case.handover and case.handover.holder) or case.tenant


def workers_tenant(case: CaseState) -> str:
    """The tenant to which the people of the unit that has the case belong."""
    if case.unit is None or commander(case) == case.tenant:
        return case.tenant
    return in_shadow(case.unit.partition("/")[0], shadow_of(case.tenant))


def asked(
    case: CaseState,
    actor: Actor,
    to: str,
    reason: str,
    now: datetime,
    units: Collection[str],
    others: Collection[str],
    due_at: datetime,
) -> Handover:
    """The hand-over as it begins; Invalid when `to` is neither one of these units nor one of these tenants.

    A tenant is to answer by `due_at`. A unit of the town's own is its dispatchers' to see to.
    """
    if to in (case.unit, commander(case)) or to not in {*units, *others}:
        named = ", ".join(sorted({*units, *others} - {case.unit or "", commander(case)})[:SHOWN])
        fault = Fault(where="to", what=f"it cannot become {to!r}'s", allowed=f"another of: {named}")
        raise Invalid("The case cannot be handed over there.", faults=(fault,))
    holder = case.handover.holder if case.handover else None
    return Handover(
        to=to,
        state=HandoverState.ASKED,
        reason=reason,
        by=actor.id,
        at=now,
        holder=holder,
        due_at=None if to in units else due_at,
    )


def is_open(ours: Handover | None) -> bool:
    """Whether somebody is asked who has not answered yet."""
    return ours is not None and ours.state is HandoverState.ASKED and ours.withdrawn is None


def awaits_decision(ours: Handover | None) -> bool:
    """Whether it is for the district's arbiter to say whose the case is: a town refused, or did not answer in time."""
    if ours is None or "/" in ours.to:
        return False
    return ours.state is HandoverState.REFUSED or (is_open(ours) and ours.unanswered_at is not None)


def waits_for_arbiter(case: CaseState) -> bool:
    """Whether the arbiter can decide about the hand-over as the case stands now."""
    return awaits_decision(case.handover) and case.stage in MOVABLE and case.own_stage is None


def answered(ours: Handover | None, state: HandoverState, **changes: Any) -> Handover | None:
    """The hand-over once its clock says nothing any more; None where there is none."""
    return ours and ours.model_copy(update={"state": state, "due_at": None, **changes})


def refused(ours: Handover | None, remark: Remark, decide_by: datetime) -> Handover | None:
    """The hand-over that was not taken; between towns the arbiter is to decide by then, or earlier if asked before."""
    if ours is None or "/" in ours.to:
        return answered(ours, HandoverState.REFUSED, refused=remark)
    due_at = ours.due_at if ours.unanswered_at else decide_by
    return ours.model_copy(update={"state": HandoverState.REFUSED, "refused": remark, "due_at": due_at})


def timed_out(ours: Handover, now: datetime, decide_by: datetime) -> Handover:
    """The hand-over whose clock ran out: the arbiter is to decide by then; or the arbiter was too slow, too."""
    if is_open(ours) and ours.unanswered_at is None:
        return ours.model_copy(update={"unanswered_at": now, "due_at": decide_by})
    return ours.model_copy(update={"undecided_at": now})


def due_of(ours: Handover | None) -> dict[str, str]:
    """Which run of a hand-over's clock a timer is for: it means nothing to any other."""
    return {"due_at": ours.due_at.isoformat() if ours and ours.due_at else ""}


def taken(case: CaseState, to: str) -> str | None:
    """Who commands a case that `to` takes over: nothing to note when that is where it arose."""
    if "/" in to:
        return case.handover.holder if case.handover else None
    return None if to == case.tenant else to


def handover_given(case: CaseState, actor: Actor, brings: Brings) -> Fault | None:
    """A step of handing over is about a hand-over."""
    if brings.handover is not None:
        return None
    return Fault(where="to", what="nothing is being handed over", allowed="a case that was handed over")


def none_open(case: CaseState, actor: Actor, brings: Brings) -> Conflict | Forbidden | None:
    """One hand-over at a time, and none against the district's decision."""
    if case.handover is None:
        return None
    if case.handover.decided is not None:
        return Forbidden("The district decided whose the case is; that is final.")
    if case.handover.state is HandoverState.ACCEPTED or case.handover.withdrawn is not None:
        return None
    if case.handover.state is HandoverState.REFUSED and "/" in case.handover.to:
        return None
    waiting = "the answer" if case.handover.state is HandoverState.ASKED else "the district's decision"
    return stands_otherwise(f"it is being handed over to {case.handover.to}", f"after {waiting}", "to")


def is_asked(case: CaseState, actor: Actor, brings: Brings) -> Conflict | Forbidden | None:
    """Only the one who is asked answers, and only once."""
    if case.handover is None or not is_open(case.handover):
        return stands_otherwise("nobody is asked to take it over", "a hand-over that is open")
    if case.handover.to == actor.tenant or case.handover.to in actor.units:
        return None
    return Forbidden(f"It is {case.handover.to} that is asked to take the case over.")


def undecided(case: CaseState, actor: Actor, brings: Brings) -> Conflict | None:
    """The district decides where the towns could not agree."""
    if awaits_decision(case.handover):
        return None
    allowed = "a hand-over that the other town refused, or did not answer in time"
    return stands_otherwise("no town refused it, or let the time pass", allowed)


def still_open(case: CaseState, actor: Actor, brings: Brings) -> Conflict | None:
    """What was answered stands."""
    if is_open(case.handover):
        return None
    return stands_otherwise("nobody is asked to take it over", "a hand-over that nobody has answered")


def offered_it(case: CaseState, actor: Actor, brings: Brings) -> Forbidden | None:
    """Who offered the case takes the offer back, or a dispatcher of whoever commands it."""
    if case.handover is None or actor.id == case.handover.by or not is_open(case.handover):
        return None
    if "dispatcher" in actor.roles and actor.tenant == commander(case):
        return None
    return Forbidden(f"Only {case.handover.by}, or a dispatcher of {commander(case)}, takes the offer back.")


def commands_it(case: CaseState, actor: Actor, brings: Brings) -> Forbidden | None:
    """Who took a case over commands it; the town where it arose looks on, inspects and closes.

    A department that is asked about it assigns its own unit, as anywhere; the district decides what is asked of it.
    """
    if commander(case) == case.tenant or actor.tenant in ("", commander(case)):
        return None
    if brings.time is not None and brings.time.of_district:
        return None
    if case.department is not None and case.unit is None and actor.tenant != case.tenant:
        return None
    if "dispatcher" not in actor.roles or ARBITER in actor.roles:
        return None
    return Forbidden(f"The case was handed over: {commander(case)} commands it.")


def of_origin(case: CaseState, actor: Actor, brings: Brings) -> Forbidden | None:
    """Where the case arose it is inspected, closed and voided: nobody judges what their own tenant took over."""
    if commander(case) == case.tenant or actor.tenant != commander(case):
        return None
    return Forbidden(f"{commander(case)} took the case over: {case.tenant}, where it arose, sees to this.")


def require_command(case: CaseState, actor: Actor) -> None:
    """Forbidden, unless the actor may dispatch the case (see `commands_it`)."""
    objection = commands_it(case, actor, NOTHING)
    if objection is not None:
        raise objection


def require_field_command(case: CaseState, actor: Actor) -> None:
    """Forbidden for the town where a case arose that another commands: its centre no longer speaks to the field."""
    if commander(case) != case.tenant and actor.tenant == case.tenant and ARBITER not in actor.roles:
        raise Forbidden(f"The case was handed over: {commander(case)} commands it in the field.")


def in_its_field(case: CaseState) -> frozenset[str]:
    """The tenants whose people are, or were summoned, at the place: whoever commands it, and where it arose."""
    return frozenset({commander(case), case.tenant})


def not_handed_over(case: CaseState, actor: Actor, brings: Brings) -> Fault | None:
    """Units of the town where it arose support a case that is still its own."""
    if commander(case) == case.tenant:
        return None
    return Fault(
        where="unit",
        what=f"the case was handed over to {commander(case)}",
        allowed="a case of the town's own",
    )


def keep_handover(actor: Actor, now: datetime, brings: Brings) -> Mapping[str, Any]:
    """Whoever has the case keeps it until it is taken over."""
    return {"handover": brings.handover}


def change_hands(actor: Actor, now: datetime, brings: Brings) -> Mapping[str, Any]:
    """Another tenant's dispatcher has it: nobody is asked yet."""
    return {
        "handover": brings.handover,
        "department": None,
        "unit": None,
        "worker": None,
        "task_id": None,
        "mandate": None,
        "leg": None,
        "returned": None,
        "reason": brings.reason,
    }


def take_it(actor: Actor, now: datetime, brings: Brings) -> Mapping[str, Any]:
    """Another unit's worker has it, under a task of its own, and under the mandate that there is for that unit."""
    return {
        "handover": brings.handover,
        "department": brings.department,
        "unit": brings.unit,
        "worker": actor.id,
        "task_id": brings.task_id,
        "mandate": brings.mandate,
        "leg": None,
        "returned": None,
        "reason": brings.reason,
    }


GUARDS: Mapping[str, Guard] = MappingProxyType(
    {
        "handover-given": handover_given,
        "no-handover-open": none_open,
        "handover-asked": is_asked,
        "handover-undecided": undecided,
        "handover-open": still_open,
        "offered-it": offered_it,
        "commands-it": commands_it,
        "origin-only": of_origin,
        "not-handed-over": not_handed_over,
    }
)
EFFECTS: Mapping[str, Effect] = MappingProxyType(
    {"keep-handover": keep_handover, "change-hands": change_hands, "take-it": take_it}
)
