"""Workflows: the process as data. One table says which stages there are and which steps lead where."""

from qipan.tenancy.workflow.build import build, limited, standard
from qipan.tenancy.workflow.check import faults
from qipan.tenancy.workflow.drawing import as_mermaid, as_text
from qipan.tenancy.workflow.workflow import StageRow, StepRow, Workflow

__all__ = [
    "StageRow",
    "StepRow",
    "Workflow",
    "as_mermaid",
    "as_text",
    "build",
    "faults",
    "limited",
    "standard",
]
