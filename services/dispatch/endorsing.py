"""部门意见: the department's word on a request for time, before the dispatcher's. Pure.

After the field's practice a request goes handler → department → dispatcher. Here is worked out whose word it needs,
and what that word changes; the deadline runs on meanwhile.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType

from qipan.contracts.case import CaseState, Remark, TimeAsked
from qipan.contracts.errors import Fault, Forbidden
from qipan.tenancy import base_of
from services.dispatch import timing
from services.dispatch.commanding import Desk
from services.dispatch.handover import commander
from services.dispatch.steps import Actor, Brings, Guard
from services.dispatch.timed import Timed


@dataclass(frozen=True, slots=True)
class Way:
    """How a request goes: by the `department` (a tenant) that is to endorse it, or straight, and `why`."""

    department: str | None = None
    why: str = ""

    def detail(self) -> dict[str, str]:
        """What the history says."""
        return {"endorses": self.department} if self.department else {"straight": self.why}


def way_of(case: CaseState, asker: Actor, desk: Desk | None, *, department_first: bool) -> Way:
    """Whose word a request needs before it is decided. `desk`: who answers for the case's department."""
    if not department_first:
        return Way(why="this town has requests decided without the department (dispatch.time-endorsement)")
    if desk is None:
        return Way(why="the case is of no department")
    if base_of(desk.tenant) != desk.department:
        return Way(why=f"{desk.department} has no dispatcher of its own who could endorse it")
    if desk.tenant == commander(case):
        return Way(why=f"{desk.department} commands the case and decides itself")
    if asker.id in desk.people or (asker.tenant == desk.tenant and "dispatcher" in asker.roles):
        return Way(why=f"{asker.id} who asks dispatches for {desk.department}")
    return Way(desk.tenant)


def first_to(timed: Timed, way: Way) -> Timed:
    """What the handler asked for, as it waits for the department; unchanged where it goes straight."""
    clock = timed.changes.get("clock")
    if way.department is None or clock is None or clock.asked is None:
        return timed
    asked = clock.asked.model_copy(update={"awaits": way.department})
    return replace(timed, changes={**timed.changes, "clock": clock.model_copy(update={"asked": asked})})


def endorsed(case: CaseState, who: str, now: datetime, reason: str) -> Timed:
    """The department endorses what was asked for: now it waits for the dispatcher."""
    wanted = _asked(case)
    if wanted is None or case.clock is None:
        return Timed(now)
    remark = Remark(by=who, at=now, reason=reason, authority=wanted.awaits)
    asked = wanted.model_copy(update={"awaits": None, "endorsed": remark})
    return Timed(now, {"clock": case.clock.model_copy(update={"asked": asked})})


def unendorsed(case: CaseState, now: datetime, reason: str) -> Timed:
    """The department does not: the request has ended, and the case shows the handler why."""
    timed = timing.refused(case, now, of_district=False)
    return replace(timed, changes={**timed.changes, "reason": reason})


def department_asked(case: CaseState, actor: Actor, brings: Brings) -> Fault | None:
    """Only what waits for a department is endorsed, and once."""
    asked = _asked(case)
    if asked is None or asked.awaits is not None:
        return None
    said = f"{asked.endorsed.by} has endorsed it" if asked.endorsed else "it went straight to the dispatcher"
    return Fault(where="case_id", what=said, allowed="a request that waits for its department")


def of_the_department(case: CaseState, actor: Actor, brings: Brings) -> Forbidden | None:
    """The department speaks by its own dispatchers."""
    asked = _asked(case)
    if asked is None or asked.awaits is None or actor.tenant == asked.awaits:
        return None
    return Forbidden(f"It is for a dispatcher of {asked.awaits} to endorse this request or refuse it.")


def time_endorsed(case: CaseState, actor: Actor, brings: Brings) -> Fault | None:
    """The department comes before the dispatcher."""
    asked = _asked(case)
    if asked is None or asked.awaits is None:
        return None
    return Fault(
        where="case_id",
        what=f"{asked.awaits} has not endorsed it yet",
        allowed=f"to be decided once a dispatcher of {asked.awaits} has endorsed it, before the deadline",
    )


def not_the_department(case: CaseState, actor: Actor, brings: Brings) -> Forbidden | None:
    """Who endorses does not decide as well: the centre that commands the case does, or the district."""
    if actor.tenant in ("", case.tenant, commander(case)) or (brings.time and brings.time.of_district):
        return None
    return Forbidden(f"A dispatcher of {commander(case)} decides about time; a department endorses.")


def _asked(case: CaseState) -> TimeAsked | None:
    return case.clock.asked if case.clock else None


GUARDS: Mapping[str, Guard] = MappingProxyType(
    {
        "department-asked": department_asked,
        "of-the-department": of_the_department,
        "time-endorsed": time_endorsed,
        "not-the-department": not_the_department,
    }
)
