"""What a town may not do to the process: the rules by which changed workflows are accepted.

A town may add stages within the district's phases and steps between them, ask for more, and ask fewer. It may
not let anybody inspect their own work, skip the inspection, let the centre that dispatches close, or leave a
case where nothing leads on.
"""

from collections.abc import Collection, Iterator

from qipan.contracts.case import Stage
from qipan.tenancy.model import StepModel, WorkflowModel
from qipan.tenancy.people import ROLES
from qipan.tenancy.workflow.build import ENTERS, OPEN, build, standard
from qipan.tenancy.workflow.workflow import StepRow, Workflow

Finding = tuple[tuple[str, ...], str, str]
"""Where in `[workflow]`, what is wrong, and what is allowed."""

FIXED = frozenset(
    {
        "file",
        "overdue",
        "rate",
        "supervision-overdue",
        "rectify",
        "withdraw",
        "rectification-overdue",
        "support-overdue",
        "handover-unanswered",
        "handover-undecided",
        "reopen",
        "ask",
        "recall",
        "continue",
    }
)
"""Steps of the system alone, or that follow from mandates, which no town changes."""

ABOVE = frozenset({"allow-return", "deny-return", "decide-handover"})
"""Steps of the district's arbiter, who is nobody of the town's."""


def faults(changes: WorkflowModel) -> list[Finding]:
    """Everything that is wrong with a town's changes; the whole is looked at once its parts are right."""
    found = [*_stages(changes), *_steps(changes)]
    return found or list(_whole(build(changes)))


def _stages(changes: WorkflowModel) -> Iterator[Finding]:
    for id in changes.stages:
        if id in standard().stages or id == OPEN:
            yield ("stages", id), "is a stage of the district's", "a name of the town's own"


def _steps(changes: WorkflowModel) -> Iterator[Finding]:
    base = standard()
    known = {*base.stages, *changes.stages}
    guards = {guard for row in base.steps.values() for guard in row.guards}
    for id, step in changes.steps.items():
        key = ("steps", id)
        for source in step.sources or ():
            if source not in known:
                yield (*key, "from"), f"there is no stage {source!r}", _some(known)
        if step.target is not None and step.target not in known:
            yield (*key, "to"), f"there is no stage {step.target!r}", _some(known)
        for guard in step.guards or ():
            if guard not in guards:
                yield (*key, "guards"), f"there is no guard {guard!r}", _some(guards)
        unknown = {source for source in (*(step.sources or ()), step.target) if source} - known
        if id in FIXED:
            yield key, "is the system's own step", "another step"
        elif id in ABOVE:
            yield key, "is the district's arbiter's step", "another step"
        elif unknown:
            continue
        elif id in base.steps:
            yield from _standard_step(key, base.steps[id], step, changes)
        else:
            yield from _own_step(key, step, changes)


def _standard_step(
    key: tuple[str, ...], row: StepRow, step: StepModel, changes: WorkflowModel
) -> Iterator[Finding]:
    """What a town may change of one of the district's steps."""
    for role in step.roles or ():
        if role not in row.by_people:
            yield (*key, "roles"), f"{role!r} has no right to it", _some(row.by_people)
    if step.roles == []:
        yield (*key, "roles"), "nobody could take it", _some(row.by_people)
    if step.target is not None and _phase(step.target, changes) != row.target:
        within = [row.target or "", *(id for id, own in changes.stages.items() if own.phase == row.target)]
        yield (*key, "to"), f"leads to another phase than {row.target!r}", _some(within)
    for source in step.sources or ():
        if _phase(source, changes) not in row.sources:
            yield (*key, "from"), f"{source!r} lies in no phase from which it is taken", _some(row.sources)
    if step.sources == []:
        yield (*key, "from"), "it could never be taken", _some(row.sources)


def _own_step(key: tuple[str, ...], step: StepModel, changes: WorkflowModel) -> Iterator[Finding]:
    """What a step of a town's own needs, and where it may lead."""
    for stage in (*(step.sources or ()), step.target):
        if stage in standard().stages and standard().stages[stage].own:
            yield (*key, "from"), f"{stage!r} is for the district's arbiter alone", "another stage"
    if not step.sources:
        yield (*key, "from"), "a step of one's own begins somewhere", _some(standard().stages)
    if step.target is None:
        yield (*key, "to"), "a step of one's own leads somewhere", _some(standard().stages)
    if not step.roles:
        yield (*key, "roles"), "somebody takes it", _some(ROLES)
    for role in step.roles or ():
        if role not in ROLES:
            yield (*key, "roles"), f"there is no role {role!r}", _some(ROLES)
    if step.target is None:
        return
    ways = {}
    for source in step.sources or ():
        begins, ends = _phase(source, changes), _phase(step.target, changes)
        ways[source] = ENTERS.get((begins, ends)) if begins != ends else ""
        if ways[source] is None:
            allowed = [f"{a} → {b}" for a, b in ENTERS]
            yield (*key, "to"), f"no step of a town's leads from {begins} to {ends}", _some(allowed)
    if len(set(ways.values())) > 1:
        yield (*key, "from"), "begins in phases from which it would be different steps", "one step for each"


def _whole(workflow: Workflow) -> Iterator[Finding]:
    """What can be wrong although every part is right."""
    for id, stage in workflow.stages.items():
        if not stage.own:
            continue
        if id not in _reached(workflow, {"filed", "offered"}):
            yield ("stages", id), "no step leads there", "`to` of a step"
    for id in sorted(workflow.open_stages()):
        if Stage.CLOSED not in _reached(workflow, {id}):
            what = "from here no case is ever closed"
            yield ("stages", id) if workflow.stages[id].own else ("steps",), f"{id}: {what}", "a step onward"
        elif not any(
            row.target not in (None, id) and row.by_people
            for row in workflow.steps_from(id)
            if row.id != "void"
        ):
            yield ("stages", id), f"{id}: nobody can take a case further", "a step for people"


def _reached(workflow: Workflow, begun: Collection[str]) -> set[str]:
    reached = set(begun)
    while True:
        further = {
            row.target
            for row in workflow.steps.values()
            if row.target and row.id not in FIXED and not row.sources.isdisjoint(reached)
        }
        if further <= reached:
            return reached
        reached |= further


def _phase(stage: str, changes: WorkflowModel) -> str:
    own = changes.stages.get(stage)
    return own.phase if own else stage


def _some(names: Collection[str]) -> str:
    return ", ".join(sorted(names))
