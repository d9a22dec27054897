"""What follows from a step: its clock's timer, the event with the whole state, the offer of the task."""

from collections.abc import Callable, Sequence

from qipan.contracts.case import CaseState
from qipan.contracts.events import TaskOffered
from qipan.contracts.joint import SupportAsked
from qipan.storage import Timer, Work
from services.dispatch import handover, stuck
from services.dispatch.change import Change

STAGE_DUE = "stage.due"
SUSPENSION_OVER = "suspension.over"
ESCALATE = "stage.escalate"
HANDOVER_DUE = "handover.due"
SUPPORT_DUE = "support.due"


def tell(work: Work, changes: Sequence[Change], owner_of: Callable[[str, str], str]) -> None:
    """Set the timers and publish the events of steps that were written in this transaction.

    `owner_of` says whose a unit is, in a tenant.
    """
    for change in changes:
        _set_timer(work, change)
        _set_handover_timer(work, change)
        _set_support_timers(work, change)
        case, trace = change.after.case, change.traceparent
        event = change.row.event(case=case)
        work.publish(event, tenant=case.tenant, subject=case.case_id, trace=trace)
        owner = change.after.unit_tenant
        known = change.before.case.task_id if change.before else None
        if case.task_id not in (None, known) and owner is not None and owner != case.tenant:
            task = TaskOffered(task_id=case.task_id, case=case)
            work.publish(task, tenant=owner, subject=case.case_id, trace=trace)
        for support in case.supports[len(change.before.case.supports) :] if change.before else ():
            department = owner_of(case.tenant, support.unit)
            if department != case.tenant:
                part = SupportAsked(task_id=support.task_id, case=case)
                work.publish(part, tenant=department, subject=case.case_id, trace=trace)


def due_of(case: CaseState) -> dict[str, str]:
    """Which run of which clock a timer is for: it means nothing to any other."""
    return {"stage": case.stage.value, "due_at": case.due_at.isoformat() if case.due_at else ""}


def ask_again(work: Work, timer: Timer) -> None:
    """Have a timer fire once more at the next look: its case is being worked on at this moment."""
    work.set_timer(
        tenant=timer.tenant, kind=timer.kind, ref=timer.ref, due_at=timer.due_at, payload=timer.payload
    )


def since_suspended(case: CaseState) -> dict[str, str]:
    """Which suspension a timer is for."""
    at = case.clock.suspended_at if case.clock else None
    return {"suspended_at": at.isoformat() if at else ""}


def _set_timer(work: Work, change: Change) -> None:
    case = change.after.case
    before = change.before.case.due_at if change.before else None
    if change.before is not None and change.before.case.clock != case.clock:
        _set_timers_beside(work, change.before.case, case)
    if change.row.target is None and before == case.due_at:
        return
    if case.due_at is not None:
        due = due_of(case)
        work.set_timer(tenant=case.tenant, kind=STAGE_DUE, ref=case.case_id, due_at=case.due_at, payload=due)
    elif before is not None:
        work.cancel_timers(case.tenant, case.case_id, STAGE_DUE)


def _set_handover_timer(work: Work, change: Change) -> None:
    """A hand-over has a clock of its own, whatever becomes of the case's meanwhile."""
    case, was = change.after.case, change.before.case.handover if change.before else None
    due = handover.due_of(case.handover)
    if due == handover.due_of(was):
        return
    if case.handover is not None and case.handover.due_at is not None:
        at = case.handover.due_at
        work.set_timer(tenant=case.tenant, kind=HANDOVER_DUE, ref=case.case_id, due_at=at, payload=due)
    else:
        work.cancel_timers(case.tenant, case.case_id, HANDOVER_DUE)


def _set_support_timers(work: Work, change: Change) -> None:
    """Each child task that was asked for is to be accepted in time."""
    case = change.after.case
    was = {one.task_id: one.due_at for one in change.before.case.supports} if change.before else {}
    for support in case.supports:
        if support.due_at == was.get(support.task_id):
            continue
        ref = stuck.ref_of(case, support)
        if support.due_at is not None:
            work.set_timer(tenant=case.tenant, kind=SUPPORT_DUE, ref=ref, due_at=support.due_at)
        else:
            work.cancel_timers(case.tenant, ref, SUPPORT_DUE)


def _set_timers_beside(work: Work, before: CaseState, case: CaseState) -> None:
    """A suspension ends of itself; a clock that no longer runs is told to nobody."""
    was, now = before.clock, case.clock
    if now is not None and now.resumes_at is not None and (was is None or was.resumes_at != now.resumes_at):
        at, payload = now.resumes_at, since_suspended(case)
        work.set_timer(tenant=case.tenant, kind=SUSPENSION_OVER, ref=case.case_id, due_at=at, payload=payload)
    elif was is not None and was.resumes_at is not None and (now is None or now.resumes_at is None):
        work.cancel_timers(case.tenant, case.case_id, SUSPENSION_OVER)
    if was is not None and was.escalated and (now is None or not now.escalated):
        work.cancel_timers(case.tenant, case.case_id, ESCALATE)
