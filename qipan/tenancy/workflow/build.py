"""From TOML to workflows: the district's standard, and what a town makes of it."""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import MappingProxyType

from qipan.contracts.case import OPEN_STAGES, Stage
from qipan.tenancy.model import Setting, StepModel, WordsModel, WorkflowModel
from qipan.tenancy.words import Words
from qipan.tenancy.workflow.model import StandardModel
from qipan.tenancy.workflow.workflow import StageRow, StepRow, Workflow
from qipan.worktime import Limit

FILE = Path(__file__).with_name("standard.toml")
OPEN = "open"
MOVED = "case.moved.v1"
ENTERS: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        ("disposed", "inspected"): "pass",
        ("disposed", "rework"): "fail",
        ("inspected", "rework"): "fail",
        ("offered", "returned"): "return",
        ("accepted", "returned"): "return",
        ("rework", "returned"): "return",
    }
)
"""From which phase to which a town's own step may lead, and which of the district's steps it then is in all that
matters: its guards hold, its effect takes place, its event is told, its counters rise."""


@cache
def standard() -> Workflow:
    """The district's workflow."""
    model = StandardModel.model_validate(tomllib.loads(FILE.read_text(encoding="utf-8")))
    stages = {
        id: StageRow(
            id,
            _words(row.name),
            Stage(row.phase or id),
            row.clock,
            Limit.parse(row.limit) if row.limit else None,
            row.setting,
        )
        for id, row in model.stages.items()
    }
    steps = {
        id: StepRow(
            id=id,
            name=_words(row.name),
            sources=_sources(row.sources, stages),
            target=row.target,
            roles=frozenset(row.roles),
            event=row.event,
            guards=tuple(row.guards),
            effect=row.effect,
            counts=tuple(row.counts),
        )
        for id, row in model.steps.items()
    }
    return Workflow(MappingProxyType(stages), MappingProxyType(steps))


def build(changes: WorkflowModel) -> Workflow:
    """The standard with a town's changes, which must have passed `faults`."""
    base = standard()
    if not changes.stages and not changes.steps:
        return base
    stages = dict(base.stages)
    for id, own in changes.stages.items():
        phase = Stage(own.phase)
        limit = Limit.parse(own.limit) if own.limit else None
        stages[id] = StageRow(id, _words(own.name), phase, base.stages[phase].clock, limit)
    steps = {id: _wider(row, stages) for id, row in base.steps.items()}
    for id, change in changes.steps.items():
        steps[id] = _changed(steps[id], change, stages) if id in steps else _added(id, change, stages, base)
    return Workflow(MappingProxyType(stages), MappingProxyType(steps))


def limited(workflow: Workflow, settings: Mapping[str, Setting]) -> Workflow:
    """The workflow with the limits that a tenant's settings give its stages."""
    stages = {
        id: replace(stage, limit=Limit.parse(str(settings[stage.setting])))
        if stage.setting is not None and stage.setting in settings
        else stage
        for id, stage in workflow.stages.items()
    }
    return workflow if stages == workflow.stages else replace(workflow, stages=MappingProxyType(stages))


def _wider(row: StepRow, stages: Mapping[str, StageRow]) -> StepRow:
    """A step that is possible from every open stage is so from a town's own too."""
    if not row.sources >= OPEN_STAGES:
        return row
    return _with(row, sources=row.sources | _sources([OPEN], stages))


def _changed(row: StepRow, change: StepModel, stages: Mapping[str, StageRow]) -> StepRow:
    return _with(
        row,
        name=_words(change.name) if change.name else row.name,
        sources=_sources(change.sources, stages) if change.sources is not None else row.sources,
        target=change.target or row.target,
        roles=(frozenset(change.roles) | (row.roles & {"system"})) if change.roles is not None else row.roles,
        guards=(*row.guards, *(g for g in change.guards or () if g not in row.guards)),
    )


def _added(id: str, step: StepModel, stages: Mapping[str, StageRow], base: Workflow) -> StepRow:
    """An own step. One that leads from one phase to another is, beside its name, the district's step for that."""
    sources = _sources(step.sources or (), stages)
    target = stages[step.target or ""]
    crossing = [ENTERS.get((stages[source].phase, target.phase)) for source in sources]
    like = next((base.steps[name] for name in crossing if name is not None), None)
    guards = [*(like.guards if like else ()), *(step.guards or ())]
    return StepRow(
        id=id,
        name=_words(step.name) if step.name else Words(id, id),
        sources=sources,
        target=step.target,
        roles=frozenset(step.roles or ()),
        event=like.event if like else MOVED,
        guards=tuple(dict.fromkeys(guards)),
        effect=like.effect if like else None,
        counts=like.counts if like else (),
        own=True,
    )


def _with(row: StepRow, **changes: object) -> StepRow:
    fields = {name: getattr(row, name) for name in StepRow.__slots__}
    return StepRow(**{**fields, **changes})


def _sources(named: Iterable[str], stages: Mapping[str, StageRow]) -> frozenset[str]:
    listed = frozenset(named)
    if OPEN not in listed:
        return listed
    return (listed - {OPEN}) | {id for id, stage in stages.items() if stage.phase in OPEN_STAGES}


def _words(model: WordsModel) -> Words:
    return Words(model.zh, model.en)
