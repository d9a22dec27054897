"""Workflows drawn: as a Mermaid state diagram, and as a table for a terminal."""

from qipan.tenancy.workflow.workflow import StageRow, StepRow, Workflow


def as_mermaid(workflow: Workflow, language: str = "zh") -> str:
    """A `stateDiagram-v2`; what is possible everywhere (voiding) and what changes no stage is left out."""
    everywhere = workflow.open_stages()
    lines = ["stateDiagram-v2"]
    for stage in workflow.stages.values():
        lines.append(f"    {_node(stage.id)} : {stage.name.in_language(language)}{_of_phase(stage)}")
    for row in workflow.steps.values():
        if row.target is None or row.sources >= everywhere:
            continue
        label = f"{row.name.in_language(language)} ({', '.join(sorted(row.roles))})"
        for source in sorted(row.sources) or ["[*]"]:
            begins = source if source == "[*]" else _node(source)
            lines.append(f"    {begins} --> {_node(row.target)} : {label}")
    ended = [id for id in workflow.stages if id not in everywhere]
    lines += [f"    {_node(id)} --> [*]" for id in ended]
    return "\n".join(lines) + "\n"


def as_text(workflow: Workflow, language: str = "zh") -> str:
    """A line a step: from, by whom, to, under which guards; then the stages with their clocks."""
    lines = []
    for row in workflow.steps.values():
        sources = (
            "any open stage" if row.sources >= workflow.open_stages() else ", ".join(sorted(row.sources))
        )
        lines.append(
            f"{row.name.in_language(language)} [{row.id}]: {sources or '(begin)'} → {row.target or '(stays)'}"
            f" by {', '.join(sorted(row.roles))}{_guarded(row)}"
        )
    lines.append("")
    for stage in workflow.stages.values():
        clock = f", clock {stage.clock}" if stage.clock else ", final"
        limit = f" {stage.limit.amount} {stage.limit.unit}" if stage.limit else ""
        lines.append(f"{stage.name.in_language(language)} [{stage.id}]{_of_phase(stage)}{clock}{limit}")
    return "\n".join(lines) + "\n"


def _node(id: str) -> str:
    return id.replace("-", "_")


def _of_phase(stage: StageRow) -> str:
    return f" ({stage.phase})" if stage.own else ""


def _guarded(row: StepRow) -> str:
    return f" if {', '.join(row.guards)}" if row.guards else ""
