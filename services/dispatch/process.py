"""The process: what may be done with a case, by whom, from where to where, as its tenant's table says.

The table is data (`qipan/tenancy/workflow/standard.toml`, and what a town's pack changes of it); this module
binds it to what its guards and effects do, and takes the steps. Pure.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache
from types import MappingProxyType
from typing import Any

from qipan.contracts import events
from qipan.contracts.case import OPEN_STAGES, CaseState, ClockState, Counters, Stage
from qipan.contracts.errors import Forbidden, IllegalTransition
from qipan.tenancy.workflow import StepRow, Workflow, standard
from qipan.worktime import Limit
from services.dispatch import (
    endorsing,
    handover,
    inspecting,
    joint,
    rectification,
    returns,
    runs,
    steps,
    supervision,
)
from services.dispatch.clocks import Clock, Deadlines, entering
from services.dispatch.objecting import overrule
from services.dispatch.remembered import remembered
from services.dispatch.steps import NOTHING, Actor, Brings, Effect, Guard


class Do(StrEnum):
    """The district's steps, by the names under which the history records them; towns may have others."""

    FILE = "file"
    DISPATCH = "dispatch"
    ACCEPT = "accept"
    DEPART = "depart"
    ARRIVE = "arrive"
    RETURN = "return"
    REFUSE_RETURN = "refuse-return"
    DISPUTE = "dispute"
    ALLOW_RETURN = "allow-return"
    DENY_RETURN = "deny-return"
    HAND_OVER = "hand-over"
    TAKE_OVER = "take-over"
    TAKE_TASK_OVER = "take-task-over"
    REFUSE_HANDOVER = "refuse-handover"
    WITHDRAW_HANDOVER = "withdraw-handover"
    HANDOVER_UNANSWERED = "handover-unanswered"
    HANDOVER_UNDECIDED = "handover-undecided"
    DECIDE_HANDOVER = "decide-handover"
    OPEN_SUPPORT = "open-support"
    ACCEPT_SUPPORT = "accept-support"
    DEPART_SUPPORT = "depart-support"
    ARRIVE_SUPPORT = "arrive-support"
    FINISH_SUPPORT = "finish-support"
    RETURN_SUPPORT = "return-support"
    SUPPORT_OVERDUE = "support-overdue"
    EXCUSE_SUPPORT = "excuse-support"
    DISPOSE = "dispose"
    PASS = "pass"
    FAIL = "fail"
    CLOSE = "close"
    VOID = "void"
    OVERDUE = "overdue"
    RATE = "rate"
    ASK_TIME = "ask-time"
    ENDORSE_TIME = "endorse-time"
    REFUSE_ENDORSEMENT = "refuse-endorsement"
    REFUSE_TIME = "refuse-time"
    EXTEND = "extend"
    DEFER = "defer"
    SUSPEND = "suspend"
    RESUME = "resume"
    ESCALATE = "escalate"
    WITHDRAW = "withdraw"
    CALL_BACK = "call-back"
    REOPEN = "reopen"
    RECTIFY = "rectify"
    ANSWER_RECTIFICATION = "answer-rectification"
    REFUSE_RECTIFICATION = "refuse-rectification"
    CLOSE_RECTIFICATION = "close-rectification"
    RECTIFICATION_OVERDUE = "rectification-overdue"
    SUPERVISE = "supervise"
    ANSWER_SUPERVISION = "answer-supervision"
    SUPERVISION_OVERDUE = "supervision-overdue"
    EXPEDITE = "expedite"
    REMARK = "remark"
    ASK = "ask"
    RECALL = "recall"
    CONTINUE = "continue"


DISTRICTS = frozenset(do.value for do in Do)
"""The names of the district's steps."""


GUARDS: Mapping[str, Guard] = MappingProxyType(
    {
        **steps.GUARDS,
        **returns.GUARDS,
        **joint.GUARDS,
        **handover.GUARDS,
        **supervision.GUARDS,
        **rectification.GUARDS,
        **inspecting.GUARDS,
        **endorsing.GUARDS,
    }
)
"""Every guard by the name under which workflows ask for it."""

EFFECTS: Mapping[str, Effect] = MappingProxyType(
    {
        **steps.EFFECTS,
        **returns.EFFECTS,
        **joint.EFFECTS,
        **handover.EFFECTS,
        **supervision.EFFECTS,
        **rectification.EFFECTS,
        **inspecting.EFFECTS,
    }
)
"""Every effect by the name under which workflows have it."""


@dataclass(frozen=True, slots=True)
class Transition:
    """A row of the table with what its words stand for. No target: the case stays where it is.

    `phase` is the district's stage that the target is or is part of, `limit` the target's own, if it has one.
    """

    name: str
    sources: frozenset[str]
    target: str | None
    phase: Stage | None
    roles: frozenset[str]
    event: type[events.CaseEvent]
    guards: tuple[Guard, ...]
    effect: Effect
    counts: tuple[str, ...]
    limit: Limit | None


class Process:
    """The process of one workflow."""

    def __init__(self, workflow: Workflow, more: tuple[tuple[str, str], ...] = ()) -> None:
        self.workflow = workflow
        self.steps: Mapping[str, Transition] = MappingProxyType(
            {id: _bound(row, workflow, more) for id, row in workflow.steps.items()}
        )

    def allowed_from(self, stage: str) -> tuple[Transition, ...]:
        """The steps that the table knows from a stage."""
        return tuple(self.steps[row.id] for row in self.workflow.steps_from(stage))

    def check(self, case: CaseState, name: str, actor: Actor, brings: Brings = NOTHING) -> Transition:
        """The row that allows this step, or an error that says what would be allowed.

        Raises IllegalTransition (not from this stage, or no step of this workflow), Forbidden (not by this
        actor), Conflict (the case stands otherwise) or Invalid (something is missing; all that is missing is
        listed). Those two about where it stands carry the case: ask only for who may see it.
        """
        row = self.steps.get(name)
        stage = self.workflow.position(case)
        if row is None or stage not in row.sources:
            by_people = {other.name: sorted(other.roles - {"system"}) for other in self.allowed_from(stage)}
            allowed = {step: roles for step, roles in by_people.items() if roles}
            raise IllegalTransition(
                f"The case is {stage}, so it cannot take the step “{name}”. "
                f"From here: {', '.join(allowed) or 'nothing more'}.",
                stage=stage,
                version=case.version,
                allowed=allowed,
                case=case.model_dump(mode="json"),
            )
        if row.roles.isdisjoint(actor.roles):
            raise Forbidden(
                f"“{name}” is for: {', '.join(sorted(row.roles - {'system'})) or 'the system alone'}."
            )
        overrule(name, case, (guard(case, actor, brings) for guard in row.guards))
        return row

    def step(
        self,
        case: CaseState,
        name: str,
        actor: Actor,
        now: datetime,
        deadlines: Deadlines,
        brings: Brings = NOTHING,
    ) -> CaseState:
        """The case after the step, one version on; raises as `check` does. `now` is the tenant's domain time."""
        row = self.check(case, name, actor, brings)
        entered = {} if row.phase is None else _entered(case, row, row.phase, now, deadlines)
        # An effect that sets a clock knows better than the stage what runs from now on.
        changes: dict[str, Any] = {
            "version": case.version + 1,
            **entered,
            **row.effect(actor, now, brings),
        }
        changes |= remembered(case, row.event, row.phase, actor, changes)
        if (ended := runs.after(case, row.event, row.phase, now)) is not None:
            changes["runs"] = ended
        if counts := (*row.counts, *brings.counts):
            counters = case.counters
            changes["counters"] = counters.model_copy(update={c: getattr(counters, c) + 1 for c in counts})
        return case.model_copy(update=changes)


def file(
    report: events.ReportTriaged,
    tenant: str,
    case_id: str,
    now: datetime,
    deadlines: Deadlines,
    offer: Brings | None = None,
    served_by: str = "",
) -> CaseState:
    """立案: the first version of a report's case; already offered where somebody could be chosen at once.

    An `offer` without a unit asks its department to assign one.

    ValueError for a report without a matter: triage files none.
    """
    if report.matter is None:
        raise ValueError(f"report {report.report_id} was triaged to be filed without a matter")
    stage = Stage.FILED if offer is None or offer.unit is None else Stage.OFFERED
    dispose = deadlines.due(deadlines.limits.of(Clock.DISPOSE), now)
    due = deadlines.of_stage(stage, now)
    offered: dict[str, Any] = {}
    if offer is not None:
        offered = {**(steps.offer if offer.unit else steps.ask)(steps.SYSTEM, now, offer)}
    if stage is Stage.OFFERED:
        offered["counters"] = Counters(offers=1)
    return CaseState(
        case_id=case_id,
        report_id=report.report_id,
        tenant=tenant,
        version=1,
        stage=stage,
        matter=report.matter,
        place=report.place,
        summary=report.summary,
        channel=report.channel,
        received_at=report.received_at,
        filed_at=now,
        due_at=due.at if due else None,
        yellow_at=due.yellow_at if due else None,
        dispose_due_at=dispose.at,
        clock=entering(None, dispose),
        served_by=served_by,
        stage_times={Stage.FILED: now, stage: now},
        runs=runs.filed(report, now if stage is Stage.OFFERED else None),
        **offered,
    )


def _bound(row: StepRow, workflow: Workflow, more: tuple[tuple[str, str], ...]) -> Transition:
    guards = (*row.guards, *(guard for event, guard in more if event == row.event))
    target = workflow.stages[row.target] if row.target is not None else None
    return Transition(
        name=row.id,
        sources=row.sources,
        target=row.target,
        phase=target.phase if target else None,
        roles=row.roles,
        event=_EVENTS[row.event],
        guards=tuple(GUARDS[name] for name in guards),
        effect=EFFECTS[row.effect] if row.effect else steps.nothing_more,
        counts=row.counts,
        limit=target.limit if target else None,
    )


def _entered(
    case: CaseState, row: Transition, phase: Stage, now: datetime, deadlines: Deadlines
) -> dict[str, Any]:
    """What entering a stage changes. Within a phase a stage without a limit of its own goes on with the clock."""
    own = row.target if row.target != phase else None
    if case.stage is phase and row.limit is None and row.name not in DISTRICTS:
        return {"own_stage": own}
    due = deadlines.due(row.limit, now) if row.limit is not None else deadlines.of_stage(phase, now, case)
    # A case taken up again has a second life: its time counts from now, and nothing of it was extended yet.
    clock = case.clock if case.stage in OPEN_STAGES else ClockState(starts_at=now)
    return {
        "stage": phase,
        "own_stage": own,
        "stage_times": {**case.stage_times, phase: now},
        "due_at": due.at if due else None,
        "yellow_at": due.yellow_at if due else None,
        "clock": entering(clock, due),
    }


_EVENTS = {event.type: event for event in events.CASE_EVENTS}


@cache
def process_of(workflow: Workflow, more: tuple[tuple[str, str], ...] = ()) -> Process:
    """The process of a workflow; one for each. `more` are guards that the tenant's settings ask for,
    by the type of the event that their step tells."""
    return Process(workflow, more)


STANDARD = process_of(standard())
"""The district's own process, which most towns have."""
