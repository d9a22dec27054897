"""A workflow as the services see it: stages, and the steps between them."""

from collections.abc import Mapping
from dataclasses import dataclass

from qipan.contracts.case import OPEN_STAGES, CaseState, Stage
from qipan.tenancy.words import Words
from qipan.worktime import Limit


@dataclass(frozen=True, slots=True)
class StageRow:
    """Where a case may stand.

    `phase` is what it is to everybody else: a town's own stage is part of one of the district's. `clock` is what
    is being waited for in it; `limit`, where the stage has one of its own, how long; `setting` the key with which
    a pack says otherwise.
    """

    id: str
    name: Words
    phase: Stage
    clock: str | None
    limit: Limit | None = None
    setting: str | None = None

    @property
    def own(self) -> bool:
        """Whether it is a part of another: a town's own, or one of the district's that is narrower."""
        return self.id != self.phase


@dataclass(frozen=True, slots=True)
class StepRow:
    """What may be done with a case: from where to where, by whom. No `to`: the case stays where it is.

    `guards` and `effect` are names that dispatch knows; `event` is the type of what is told; `counts` names
    fields of `qipan.contracts.case.Counters`.
    """

    id: str
    name: Words
    sources: frozenset[str]
    target: str | None
    roles: frozenset[str]
    event: str
    guards: tuple[str, ...] = ()
    effect: str | None = None
    counts: tuple[str, ...] = ()
    own: bool = False

    @property
    def by_people(self) -> frozenset[str]:
        """The people's roles that may take it."""
        return self.roles - {"system", "service"}


@dataclass(frozen=True, eq=False)
class Workflow:
    """The one table of a tenant: stages and steps, each by id. Tenants with the same changes share one."""

    stages: Mapping[str, StageRow]
    steps: Mapping[str, StepRow]

    def position(self, case: CaseState) -> str:
        """The stage that a case stands in.

        An own stage that the town has given up since counts as the district's stage that it was part of.
        """
        own = self.stages.get(case.own_stage) if case.own_stage else None
        return case.own_stage if own and case.own_stage and own.phase is case.stage else case.stage

    def steps_from(self, stage: str) -> tuple[StepRow, ...]:
        """The steps that the table knows from a stage."""
        return tuple(row for row in self.steps.values() if stage in row.sources)

    def open_stages(self) -> frozenset[str]:
        """The stages from which something is still to be done."""
        return frozenset(id for id, stage in self.stages.items() if stage.phase in OPEN_STAGES)
