"""A case as it is kept, and one step on it: what the rules decide and the store writes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from qipan.contracts.case import CaseState
from services.dispatch.clocks import Limits
from services.dispatch.process import Transition


@dataclass(frozen=True, slots=True)
class Stored:
    """A case as it is kept: its public state, its limits, and the tenant whose worker has it."""

    case: CaseState
    limits: Limits
    unit_tenant: str | None


@dataclass(frozen=True, slots=True)
class Change:
    """One step on one case: what was, what is, who did it, when (domain time). `before` None: it is new.

    `authority` is by which right: the role that the step is for, and the tenant of whoever has it.
    """

    before: Stored | None
    after: Stored
    row: Transition
    who: str
    at: datetime
    message_id: str | None = None
    traceparent: str | None = None
    detail: Mapping[str, str] = field(default_factory=dict)
    authority: str = "system"

    @property
    def what(self) -> str:
        """The step's name."""
        return self.row.name
