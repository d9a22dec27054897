"""吹哨报到: who can be summoned, each one's arrival clock, and what may be answered when. Pure."""

from collections.abc import Mapping
from datetime import datetime

from qipan.contracts.case import OPEN_STAGES, CaseState
from qipan.contracts.errors import Conflict, Fault, IllegalTransition, Invalid
from qipan.contracts.whistle import AnswerWhistle, BlowWhistle, Summons, WhistleAnswer, WhistleState

LIMIT = "30 minutes"
"""How long a department has to be there where the pack does not say otherwise (`dispatch.whistle-limit`)."""


def blown(
    id: str,
    case: CaseState,
    asked: BlowWhistle,
    able: Mapping[str, object],
    by: str,
    now: datetime,
    due_at: datetime,
) -> WhistleState:
    """The whistle as it begins. `able`: the departments that have people who could come.

    Raises Invalid with everything that is wrong, IllegalTransition for a case that is over.
    """
    if case.stage not in OPEN_STAGES:
        raise IllegalTransition(
            f"The case is {case.stage}: nobody is summoned for it any more.",
            stage=case.stage,
            version=case.version,
        )
    faults = []
    wanted = tuple(dict.fromkeys(asked.departments))
    for department in wanted:
        if department not in able:
            what = f"{department!r} has nobody who could come here"
            faults.append(Fault(where="departments", what=what, allowed=", ".join(sorted(able))))
    if not asked.reason.strip():
        faults.append(Fault(where="reason", what="a reason is required", allowed="1 to 500 characters"))
    if (asked.lon is None) != (asked.lat is None):
        faults.append(Fault(where="lon", what="half a place is none", allowed="lon and lat, or neither"))
    if faults:
        raise Invalid("The whistle cannot be blown so.", faults=tuple(faults))
    elsewhere = asked.lon is not None or asked.address is not None
    return WhistleState(
        whistle_id=id,
        tenant=case.tenant,
        case_id=case.case_id,
        lon=case.place.lon if asked.lon is None else asked.lon,
        lat=case.place.lat if asked.lat is None else asked.lat,
        address=asked.address if elsewhere else case.place.address,
        reason=asked.reason,
        blown_at=now,
        blown_by=by,
        summons=tuple(Summons(department=department, due_at=due_at) for department in wanted),
    )


def answered(whistle: WhistleState, asked: AnswerWhistle, by: str, now: datetime) -> WhistleState:
    """The whistle after an answer; of several arrivals of one department the first counts."""
    summons = _of(whistle, asked.department)
    answer = WhistleAnswer(by=by, at=now, arrived=asked.arrived, note=asked.note)
    first = asked.arrived and summons.arrived_at is None
    changes = {"arrived_at": now, "arrived_by": by} if first else {}
    return _with(whistle, summons.model_copy(update={**changes, "answers": (*summons.answers, answer)}))


def late(whistle: WhistleState, department: str, now: datetime) -> WhistleState | None:
    """The whistle with a department that is not there in time; None when that is nothing to tell (again)."""
    found = next((one for one in whistle.summons if one.department == department), None)
    if found is None or whistle.ended_at is not None or found.arrived_at or found.overdue_at:
        return None
    return _with(whistle, found.model_copy(update={"overdue_at": now})) if now >= found.due_at else None


def ended(whistle: WhistleState, outcome: str, by: str, now: datetime) -> WhistleState:
    """The whistle when it is over; a department that never came stays on record as that."""
    _goes_on(whistle)
    return whistle.model_copy(update={"ended_at": now, "ended_by": by, "outcome": outcome})


def refuse_second(open_one: WhistleState | None) -> None:
    """One whistle for a case at a time: Conflict, with the one that goes on."""
    if open_one is not None:
        raise Conflict(
            "A whistle for this case goes on already; end it first.", whistle=open_one.model_dump(mode="json")
        )


def _of(whistle: WhistleState, department: str) -> Summons:
    _goes_on(whistle)
    found = next((one for one in whistle.summons if one.department == department), None)
    if found is None:
        summoned = ", ".join(one.department for one in whistle.summons)
        fault = Fault(where="department", what=f"{department!r} was not summoned", allowed=summoned)
        raise Invalid("Only a department that was summoned answers.", faults=(fault,))
    return found


def _goes_on(whistle: WhistleState) -> None:
    if whistle.ended_at is not None:
        raise IllegalTransition("The whistle is over.", whistle=whistle.model_dump(mode="json"))


def _with(whistle: WhistleState, changed: Summons) -> WhistleState:
    summons = tuple(changed if one.department == changed.department else one for one in whistle.summons)
    return whistle.model_copy(update={"summons": summons})
