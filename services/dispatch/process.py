"""The process: one table of what may be done with a case, by whom, from where to where.

After GB/T 30428's loop from filing on: file 立案, dispatch 派遣, accept, return 退件, dispose 处置,
inspect 核查, rework 返工, close 结案, void 作废, rate 好差评. Pure: the table is also the documentation.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from qipan.contracts import events
from qipan.contracts.case import OPEN_STAGES, CaseState, Counters, Stage
from qipan.contracts.errors import Forbidden, IllegalTransition, Invalid
from services.dispatch import steps
from services.dispatch.clocks import CLOCK_OF, Clock, Deadlines
from services.dispatch.steps import NOTHING, Actor, Brings, Effect, Guard


class Do(StrEnum):
    """The steps, by the names under which the history records them."""

    FILE = "file"
    DISPATCH = "dispatch"
    ACCEPT = "accept"
    RETURN = "return"
    DISPOSE = "dispose"
    PASS = "pass"
    FAIL = "fail"
    CLOSE = "close"
    VOID = "void"
    OVERDUE = "overdue"
    RATE = "rate"


@dataclass(frozen=True, slots=True)
class Transition:
    """One row of the table. No sources: it begins a case. No target: the stage stays as it is.

    `roles` may contain `system`: a timer or a rule, never a person. `counts` names fields of `Counters`.
    """

    name: Do
    sources: frozenset[Stage]
    target: Stage | None
    roles: frozenset[str]
    event: type[events.CaseEvent]
    guards: tuple[Guard, ...] = ()
    effect: Effect = steps.nothing_more
    counts: tuple[str, ...] = ()

    @property
    def starts(self) -> Clock | None:
        """The clock that begins to run with this step."""
        return CLOCK_OF.get(self.target) if self.target else None

    @property
    def stops(self) -> frozenset[Clock]:
        """The clocks of which the one that runs ends with this step."""
        return frozenset(CLOCK_OF[s] for s in self.sources if s in CLOCK_OF) if self.target else frozenset()


def _stages(*stages: Stage) -> frozenset[Stage]:
    return frozenset(stages)


def _roles(*roles: str) -> frozenset[str]:
    return frozenset(roles)


TABLE: tuple[Transition, ...] = (
    Transition(
        Do.FILE,
        _stages(),
        Stage.FILED,
        _roles("system"),
        events.CaseFiled,
    ),
    Transition(
        Do.DISPATCH,
        _stages(Stage.FILED, Stage.OFFERED, Stage.RETURNED),
        Stage.OFFERED,
        _roles("dispatcher", "system"),
        events.CaseDispatched,
        guards=(steps.unit_named,),
        effect=steps.offer,
        counts=("offers",),
    ),
    Transition(
        Do.ACCEPT,
        _stages(Stage.OFFERED),
        Stage.ACCEPTED,
        _roles("handler", "service"),
        events.CaseAccepted,
        guards=(steps.worker_known,),
        effect=steps.take,
    ),
    Transition(
        Do.RETURN,
        _stages(Stage.OFFERED, Stage.ACCEPTED, Stage.REWORK),
        Stage.RETURNED,
        _roles("handler", "service"),
        events.CaseReturned,
        guards=(steps.reason_given,),
        effect=steps.give_back,
        counts=("returns",),
    ),
    Transition(
        Do.DISPOSE,
        _stages(Stage.ACCEPTED, Stage.REWORK),
        Stage.DISPOSED,
        _roles("handler"),
        events.CaseDisposed,
        guards=(steps.evidence_given,),
        effect=steps.show,
        counts=("disposals",),
    ),
    Transition(
        Do.PASS,
        _stages(Stage.DISPOSED),
        Stage.INSPECTED,
        _roles("grid-worker", "supervisor"),
        events.CaseInspected,
        guards=(steps.not_the_handler,),
        counts=("inspections",),
    ),
    Transition(
        Do.FAIL,
        _stages(Stage.DISPOSED),
        Stage.REWORK,
        _roles("grid-worker", "supervisor"),
        events.CaseReworked,
        guards=(steps.not_the_handler,),
        effect=steps.find_wanting,
        counts=("inspections", "reworks"),
    ),
    Transition(
        Do.CLOSE,
        _stages(Stage.INSPECTED),
        Stage.CLOSED,
        _roles("shift-leader", "system"),
        events.CaseClosed,
        effect=steps.end,
    ),
    Transition(
        Do.VOID,
        OPEN_STAGES,
        Stage.VOIDED,
        _roles("shift-leader"),
        events.CaseVoided,
        guards=(steps.reason_given,),
        effect=steps.end_with_reason,
    ),
    Transition(
        Do.OVERDUE,
        OPEN_STAGES,
        None,
        _roles("system"),
        events.CaseOverdue,
        counts=("overdue",),
    ),
    Transition(
        Do.RATE,
        _stages(Stage.CLOSED),
        None,
        _roles("system"),
        events.CaseRated,
        guards=(steps.rating_in_range,),
        effect=steps.rate,
    ),
)
TRANSITIONS: Mapping[Do, Transition] = MappingProxyType({row.name: row for row in TABLE})


def allowed_from(stage: Stage) -> tuple[Transition, ...]:
    """The steps that the table knows from a stage."""
    return tuple(row for row in TABLE if stage in row.sources)


def check(case: CaseState, name: Do, actor: Actor, brings: Brings = NOTHING) -> Transition:
    """The row that allows this step, or an error that says what would be allowed.

    Raises IllegalTransition (not from this stage), Forbidden (not by this actor) or Invalid (something is
    missing; all that is missing is listed).
    """
    row = TRANSITIONS[name]
    if case.stage not in row.sources:
        by_people = {other.name.value: sorted(other.roles - {"system"}) for other in allowed_from(case.stage)}
        allowed = {step: roles for step, roles in by_people.items() if roles}
        raise IllegalTransition(
            f"The case is {case.stage}, so it cannot take the step “{name}”. "
            f"From here: {', '.join(allowed) or 'nothing more'}.",
            stage=case.stage.value,
            version=case.version,
            allowed=allowed,
        )
    if row.roles.isdisjoint(actor.roles):
        raise Forbidden(
            f"“{name}” is for: {', '.join(sorted(row.roles - {'system'})) or 'the system alone'}."
        )
    objections = [objection for guard in row.guards if (objection := guard(case, actor, brings))]
    for objection in objections:
        if isinstance(objection, Forbidden):
            raise objection
    if objections:
        raise Invalid(f"“{name}” lacks something.", faults=tuple(objections))
    return row


def step(
    case: CaseState,
    name: Do,
    actor: Actor,
    now: datetime,
    deadlines: Deadlines,
    brings: Brings = NOTHING,
) -> CaseState:
    """The case after the step, one version on; raises as `check` does. `now` is the tenant's domain time."""
    row = check(case, name, actor, brings)
    changes = {"version": case.version + 1, **row.effect(actor, now, brings)}
    if row.counts:
        counters = case.counters
        changes["counters"] = counters.model_copy(update={c: getattr(counters, c) + 1 for c in row.counts})
    if row.target is not None:
        changes["stage"] = row.target
        changes["stage_times"] = {**case.stage_times, row.target: now}
        changes["due_at"] = deadlines.of_stage(row.target, now, case.dispose_due_at)
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

    ValueError for a report without a matter: triage files none.
    """
    if report.matter is None:
        raise ValueError(f"report {report.report_id} was triaged to be filed without a matter")
    stage = Stage.FILED if offer is None else Stage.OFFERED
    dispose_due_at = deadlines.after(Clock.DISPOSE, now)
    offered = (
        {} if offer is None else {**steps.offer(steps.SYSTEM, now, offer), "counters": Counters(offers=1)}
    )
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
        due_at=deadlines.of_stage(stage, now, dispose_due_at),
        dispose_due_at=dispose_due_at,
        served_by=served_by,
        stage_times={Stage.FILED: now, stage: now},
        **offered,
    )
