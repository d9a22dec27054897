"""A workflow as it is told to whoever asks."""

from qipan.contracts.queries import WorkflowAnswer, WorkflowStage, WorkflowStep
from qipan.tenancy.words import Words
from qipan.tenancy.workflow import Workflow


def shown(workflow: Workflow) -> WorkflowAnswer:
    """The table, in its own order."""
    return WorkflowAnswer(
        stages=tuple(
            WorkflowStage(id=row.id, name=_plain(row.name), phase=row.phase, clock=row.clock)
            for row in workflow.stages.values()
        ),
        steps=tuple(
            WorkflowStep(
                id=row.id,
                name=_plain(row.name),
                sources=tuple(sorted(row.sources)),
                target=row.target,
                roles=tuple(sorted(row.roles)),
                guards=row.guards,
                own=row.own,
            )
            for row in workflow.steps.values()
        ),
    )


def _plain(words: Words) -> dict[str, str]:
    return {"zh": words.zh, "en": words.en}
