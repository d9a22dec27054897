"""Other time for a case: extension 延期, deferral 缓办, suspension 挂账, and time-outs told upwards. Pure.

After the field's practice: the handler asks, the dispatcher decides, beyond the town's most the district; the
original deadline runs until approved; none once overdue or while suspended. Here is worked out what a step changes;
who may take it from where, and under which guards, is in the process's table.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from qipan import worktime
from qipan.contracts.case import CaseState, ClockState, Stage, TimeAsked
from qipan.contracts.errors import Fault
from qipan.contracts.timing import AskForTime, TimeKind
from qipan.worktime import Limit
from services.dispatch.clocks import Clock, Deadlines, Due, begun_at
from services.dispatch.timed import DISTRICT_LEVEL, TOWN_LEVEL, Timed


@dataclass(frozen=True, slots=True)
class MostTime:
    """How much a town may grant itself: an extension beyond the original deadline, a deferral and a suspension from
    the moment it is asked for."""

    extension: Limit
    deferral: Limit
    suspension: Limit


USUAL_MOST = MostTime(
    extension=Limit.parse("2 work-days"),
    deferral=Limit.parse("30 natural-days"),
    suspension=Limit.parse("90 natural-days"),
)
"""Where a town says nothing else."""


def asked(
    case: CaseState, request: AskForTime, who: str, now: datetime, deadlines: Deadlines, most: MostTime
) -> Timed:
    """The handler asks. The fault, if any, names what the request lacks."""
    if request.kind == TimeKind.EXTENSION:
        return _extension_asked(case, request, who, now, deadlines, most)
    if case.stage is not Stage.ACCEPTED:
        what = f"a case in {case.stage} can only be extended"
        return Timed(now, fault=Fault(where="kind", what=what, allowed=TimeKind.EXTENSION.value))
    longest = most.deferral if request.kind == TimeKind.DEFERRAL else most.suspension
    until_most = deadlines.after_limit(longest, now)
    until = request.until
    if until is None and request.kind == TimeKind.SUSPENSION:
        until = until_most
    if until is None or until.tzinfo is None or until <= now:
        allowed = f"a time with its zone after {now.isoformat()}"
        return Timed(now, fault=Fault(where="until", what="says no time that lies ahead", allowed=allowed))
    return _asking(case, request, who, now, until, DISTRICT_LEVEL if until > until_most else TOWN_LEVEL)


def _extension_asked(
    case: CaseState, request: AskForTime, who: str, now: datetime, deadlines: Deadlines, most: MostTime
) -> Timed:
    try:
        by = Limit.parse(request.by or "")
    except ValueError as wrong:
        return Timed(now, fault=Fault(where="by", what=str(wrong), allowed="4 work-hours, 1 work-day, …"))
    due_at = case.due_at or now
    until = deadlines.after_limit(by, due_at)
    original = case.clock.original_due_at if case.clock else None
    beyond = until > deadlines.after_limit(most.extension, original or due_at)
    return _asking(case, request, who, now, until, DISTRICT_LEVEL if beyond else TOWN_LEVEL)


def _asking(
    case: CaseState, request: AskForTime, who: str, now: datetime, until: datetime, level: str
) -> Timed:
    wanted = TimeAsked(
        kind=request.kind, level=level, by=who, at=now, reason=request.reason.strip(), until=until
    )
    return Timed(now, {"clock": _clock(case, asked=wanted)})


def decided(case: CaseState, now: datetime, deadlines: Deadlines, *, of_district: bool) -> Timed:
    """What was asked for is approved, and takes effect now. Without anything asked, nothing changes."""
    wanted = case.clock.asked if case.clock else None
    if wanted is None or case.due_at is None:
        return Timed(now, of_district=of_district)
    grant = {
        TimeKind.EXTENSION.value: _extended,
        TimeKind.DEFERRAL.value: _deferred,
        TimeKind.SUSPENSION.value: _suspended,
    }[wanted.kind]
    return Timed(now, grant(case, wanted, now, deadlines), of_district=of_district)


def refused(case: CaseState, now: datetime, *, of_district: bool) -> Timed:
    """What was asked for is refused: the deadline stays."""
    return Timed(now, {"clock": _clock(case, asked=None)}, of_district=of_district)


def _extended(case: CaseState, wanted: TimeAsked, now: datetime, deadlines: Deadlines) -> dict[str, Any]:
    begun = begun_at(case) if case.stage is Stage.ACCEPTED else case.stage_times[case.stage]
    due = deadlines.until(begun, wanted.until, _unit(deadlines))
    original = (case.clock.original_due_at if case.clock else None) or case.due_at
    changes = {"clock": _clock(case, due, asked=None, original_due_at=original), **_runs(due)}
    # Rework has a clock of its own: the case's deadline, by which its disposal is judged, stays.
    return changes | ({"dispose_due_at": due.at} if case.stage is Stage.ACCEPTED else {})


def _deferred(case: CaseState, wanted: TimeAsked, now: datetime, deadlines: Deadlines) -> dict[str, Any]:
    begins = max(wanted.until, now)
    due = deadlines.due(deadlines.limits.of(Clock.DISPOSE), begins)
    clock = _clock(case, due, asked=None, starts_at=begins, original_due_at=None)
    return {"clock": clock, **_runs(due), "dispose_due_at": due.at}


def _suspended(case: CaseState, wanted: TimeAsked, now: datetime, deadlines: Deadlines) -> dict[str, Any]:
    due_at = case.due_at or now
    rest = worktime.left(_counting_from(case, now), due_at, _unit(deadlines), deadlines.calendar)
    clock = _clock(
        case,
        asked=None,
        suspended_at=now,
        resumes_at=max(wanted.until, now),
        left_seconds=rest.total_seconds(),
        without_year=None,
    )
    none = dict.fromkeys(("due_at", "yellow_at", "dispose_due_at"))
    return {"clock": clock, **none, "stage_times": case.stage_times}


def resumed(case: CaseState, now: datetime, deadlines: Deadlines) -> Timed:
    """A suspended case goes on: its deadline is as far off as it was, and yellow by the share of that."""
    clock = case.clock
    if clock is None or clock.left_seconds is None:
        return Timed(now)
    unit, rest = _unit(deadlines), timedelta(seconds=clock.left_seconds)
    begins = _counting_from(case, now)
    due_at = worktime.after_left(begins, rest, unit, deadlines.calendar) if rest else begins
    due = deadlines.until(begins, due_at, unit)
    goes_on = _clock(
        case, due, asked=None, suspended_at=None, resumes_at=None, left_seconds=None, escalated=0
    )
    changes = {"clock": goes_on, **_runs(due), "dispose_due_at": due.at, "stage_times": case.stage_times}
    return Timed(now, changes)


def timed_out(case: CaseState, now: datetime) -> Timed:
    """The deadline has passed: what was asked for and not decided lapses, and level 1 is told."""
    return Timed(now, {"clock": _clock(case, asked=None, escalated=1)})


def escalated(case: CaseState, level: int, now: datetime) -> Timed:
    """The time-out is told at this level."""
    return Timed(now, {"clock": _clock(case, escalated=level)})


def _counting_from(case: CaseState, now: datetime) -> datetime:
    """A deferred case's time does not count before it begins."""
    starts_at = case.clock.starts_at if case.clock else None
    return max(now, starts_at) if starts_at else now


def _runs(due: Due) -> dict[str, Any]:
    return {"due_at": due.at, "yellow_at": due.yellow_at}


def _unit(deadlines: Deadlines) -> worktime.TimeUnit:
    return deadlines.limits.of(Clock.DISPOSE).unit


def _clock(case: CaseState, due: Due | None = None, **changes: Any) -> ClockState | None:
    """The clock's state with these changes; None when there is nothing left to say."""
    if due is not None:
        changes["without_year"] = due.without_year
    state = (case.clock or ClockState()).model_copy(update=changes)
    return None if state == ClockState() else state
