"""What a step is made of: who takes it, what it brings, what must hold, and what it leaves on the case."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

from qipan.contracts.case import CaseState, Going, Handover, Leg, Return, Support
from qipan.contracts.errors import Conflict, Fault, Forbidden
from qipan.contracts.followed_up import FollowUp
from qipan.contracts.supervised import Supervision
from services.dispatch.objecting import Objection, stands_otherwise
from services.dispatch.timed import DISTRICT_LEVEL, Timed


@dataclass(frozen=True, slots=True)
class Actor:
    """Who takes a step: a person, a service, or the system itself (a timer, a rule).

    `tenant` is whose they are, `units` those that a handler belongs to.
    """

    id: str
    roles: frozenset[str]
    tenant: str = ""
    units: frozenset[str] = frozenset()

    def authority(self, roles: frozenset[str]) -> str:
        """By which right a step for `roles` is taken: `dispatcher@sandun`; the system's own is `system`."""
        held = ",".join(sorted(self.roles & roles))
        return f"{held}@{self.tenant}" if self.tenant else held


SYSTEM = Actor("system", frozenset({"system"}))


@dataclass(frozen=True, slots=True)
class Brings:
    """What a step brings with it; each step uses its own part and ignores the rest.

    `counts` are counters that it raises this time, beside those that it always does.
    """

    reason: str | None = None
    evidence: tuple[str, ...] = ()
    department: str | None = None
    unit: str | None = None
    worker: str | None = None
    task_id: str | None = None
    mandate: str | None = None
    rating: int | None = None
    time: Timed | None = None
    returned: Return | None = None
    supports: tuple[Support, ...] | None = None
    handover: Handover | None = None
    supervision: Supervision | None = None
    follow_up: FollowUp | None = None
    due_at: datetime | None = None
    counts: tuple[str, ...] = ()


NOTHING = Brings()

Guard = Callable[[CaseState, Actor, Brings], Objection | None]
"""Must hold before a step: None, or the objection."""

Effect = Callable[[Actor, datetime, Brings], Mapping[str, Any]]
"""What a step changes on the case beyond its stage, clock and counters."""


def reason_given(case: CaseState, actor: Actor, brings: Brings) -> Fault | None:
    """Whoever sends a case back or away says why."""
    if brings.reason and brings.reason.strip():
        return None
    return Fault(where="reason", what="a reason is required", allowed="1 to 4,000 characters")


def evidence_given(case: CaseState, actor: Actor, brings: Brings) -> Fault | None:
    """Done means shown: a photo or a document at least."""
    if any(piece.strip() for piece in brings.evidence):
        return None
    return Fault(where="evidence", what="at least one piece of evidence is required")


def unit_named(case: CaseState, actor: Actor, brings: Brings) -> Fault | None:
    """A case is offered to a unit, and the task has a name of its own."""
    if brings.unit and brings.task_id:
        return None
    return Fault(where="unit", what="a case can be offered only to a unit")


def department_named(case: CaseState, actor: Actor, brings: Brings) -> Fault | None:
    """Somebody is asked."""
    if brings.department:
        return None
    return Fault(where="department", what="only a department can be asked")


def worker_known(case: CaseState, actor: Actor, brings: Brings) -> Fault | None:
    """A task taken is somebody's: a service can take it only for the worker whom the offer names."""
    if case.worker or "handler" in actor.roles:
        return None
    return Fault(where="worker", what="the offer names no worker, so only a person can take it")


def holds_it(case: CaseState, actor: Actor, brings: Brings) -> Forbidden | None:
    """Only whoever has the task can be on the way to it, or there with it."""
    if actor.id == case.worker:
        return None
    return Forbidden(f"Only {case.worker or 'whoever takes the task'} goes to this case.")


def not_the_handler(case: CaseState, actor: Actor, brings: Brings) -> Forbidden | None:
    """核查 is independent: nobody inspects their own work, of whichever round, or whoever reported it for them."""
    if actor.id not in {case.worker, *case.disposed_by, *(support.worker for support in case.supports)}:
        return None
    return Forbidden("Whoever disposed of a case cannot inspect it; ask someone else to look.")


def rating_in_range(case: CaseState, actor: Actor, brings: Brings) -> Fault | None:
    """好差评 has five levels."""
    if brings.rating is not None and 1 <= brings.rating <= 5:
        return None
    return Fault(where="rating", what="this is not a rating", allowed="1 (worst) to 5")


def in_time(case: CaseState, actor: Actor, brings: Brings) -> Fault | None:
    """Time is given while there is some: nothing once the deadline has passed."""
    if brings.time is None or case.due_at is None or brings.time.now < case.due_at:
        return None
    return Fault(
        where="case",
        what=f"the deadline passed at {case.due_at.isoformat()}: no other time is given once overdue",
        allowed="to be asked for and decided before the deadline",
    )


def nothing_asked(case: CaseState, actor: Actor, brings: Brings) -> Conflict | None:
    """One thing is asked for at a time."""
    asked = case.clock.asked if case.clock else None
    if asked is None:
        return None
    return stands_otherwise(
        f"a decision about {asked.kind} is still open", "to ask after the decision", "case"
    )


def something_asked(case: CaseState, actor: Actor, brings: Brings) -> Conflict | None:
    """Time is given to who asked for it."""
    if case.clock and case.clock.asked:
        return None
    return stands_otherwise("nothing was asked for", "what the handler asked for", "case")


def time_fits(case: CaseState, actor: Actor, brings: Brings) -> Fault | None:
    """What is asked for says how long, and is possible."""
    return brings.time.fault if brings.time else Fault(where="kind", what="nothing is asked for")


def at_its_level(case: CaseState, actor: Actor, brings: Brings) -> Forbidden | None:
    """What goes beyond the town's most is the district's to decide."""
    asked = case.clock.asked if case.clock else None
    if asked is None or asked.level != DISTRICT_LEVEL or (brings.time and brings.time.of_district):
        return None
    return Forbidden("It goes beyond what the town may grant: a dispatcher of the district decides.")


def nothing_more(actor: Actor, now: datetime, brings: Brings) -> Mapping[str, Any]:
    """The step changes only stage, clock and counters."""
    return {}


def offer(actor: Actor, now: datetime, brings: Brings) -> Mapping[str, Any]:
    """The task goes to a unit and, where one was chosen, a worker of it."""
    return {
        "department": brings.department,
        "unit": brings.unit,
        "worker": brings.worker,
        "task_id": brings.task_id,
        "mandate": brings.mandate,
        "reason": brings.reason,
        "returned": None,
        "leg": None,
    }


def ask(actor: Actor, now: datetime, brings: Brings) -> Mapping[str, Any]:
    """The department is asked: no unit has the case until the department says which."""
    return {
        "department": brings.department,
        "unit": None,
        "worker": None,
        "task_id": None,
        "mandate": None,
        "leg": None,
        "reason": brings.reason,
    }


def outlast(actor: Actor, now: datetime, brings: Brings) -> Mapping[str, Any]:
    """The unit goes on, now on its department's account."""
    return {"mandate": None}


def take(actor: Actor, now: datetime, brings: Brings) -> Mapping[str, Any]:
    """Whoever of the unit takes it has it, whomever the offer named."""
    return {"worker": actor.id} if "handler" in actor.roles else {}


def give_back(actor: Actor, now: datetime, brings: Brings) -> Mapping[str, Any]:
    """The unit stays on record until a dispatcher decides; nobody holds the case, so nobody is commanded."""
    return {
        "worker": None,
        "task_id": None,
        "mandate": None,
        "reason": brings.reason,
        "returned": brings.returned,
        "leg": None,
    }


def set_off(actor: Actor, now: datetime, brings: Brings) -> Mapping[str, Any]:
    """On the way; also away from the scene and back again."""
    return {"leg": Leg(state=Going.EN_ROUTE, since=now)}


def be_there(actor: Actor, now: datetime, brings: Brings) -> Mapping[str, Any]:
    """On the scene, whether or not setting off was reported."""
    return {"leg": Leg(state=Going.ON_SCENE, since=now)}


def show(actor: Actor, now: datetime, brings: Brings) -> Mapping[str, Any]:
    """Whoever of the unit disposed of it has it; a service reports for the worker who does."""
    return {
        **take(actor, now, brings),
        "evidence": brings.evidence,
        "disposed_at": now,
        "reason": brings.reason,
        "leg": None,
    }


def find_wanting(actor: Actor, now: datetime, brings: Brings) -> Mapping[str, Any]:
    """A disposal that did not hold is none."""
    return {"disposed_at": None, "reason": brings.reason}


def end(actor: Actor, now: datetime, brings: Brings) -> Mapping[str, Any]:
    """The case is over."""
    return {"closed_at": now}


def end_with_reason(actor: Actor, now: datetime, brings: Brings) -> Mapping[str, Any]:
    """The case is over, and why."""
    return {"closed_at": now, "reason": brings.reason}


def rate(actor: Actor, now: datetime, brings: Brings) -> Mapping[str, Any]:
    """The newest rating counts."""
    return {"rating": brings.rating}


def set_time(actor: Actor, now: datetime, brings: Brings) -> Mapping[str, Any]:
    """The clock goes otherwise, as `timing` worked out."""
    return brings.time.changes if brings.time else {}


GUARDS: Mapping[str, Guard] = MappingProxyType(
    {
        "reason-given": reason_given,
        "evidence-given": evidence_given,
        "unit-named": unit_named,
        "department-named": department_named,
        "worker-known": worker_known,
        "holds-it": holds_it,
        "not-the-handler": not_the_handler,
        "rating-in-range": rating_in_range,
        "in-time": in_time,
        "nothing-asked": nothing_asked,
        "something-asked": something_asked,
        "time-fits": time_fits,
        "at-its-level": at_its_level,
    }
)
"""The guards by the names under which workflows ask for them."""

EFFECTS: Mapping[str, Effect] = MappingProxyType(
    {
        "offer": offer,
        "ask": ask,
        "outlast": outlast,
        "take": take,
        "set-off": set_off,
        "be-there": be_there,
        "give-back": give_back,
        "show": show,
        "find-wanting": find_wanting,
        "end": end,
        "end-with-reason": end_with_reason,
        "rate": rate,
        "set-time": set_time,
    }
)
"""The effects by the names under which workflows have them."""
