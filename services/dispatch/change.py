"""A case as it is kept, and one step on it: what the rules decide and the store writes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from qipan.contracts.case import CaseState
from qipan.tenancy import Unit
from services.dispatch.clocks import Limits
from services.dispatch.process import Transition


@dataclass(frozen=True, slots=True)
class Stored:
    """A case as it is kept: its public state, its limits, and the tenant whose worker has it."""

    case: CaseState
    limits: Limits
    unit_tenant: str | None


@dataclass(frozen=True, slots=True)
class Part:
    """Who is to be asked for support (协办), and why. `worker` None is the whole unit."""

    unit: Unit
    worker: str | None
    why: str


@dataclass(frozen=True, slots=True)
class Parts:
    """What a run card sends along with the lead; `lacking` are its places that nobody can take, with the reason."""

    card: str = ""
    asked: tuple[Part, ...] = ()
    lacking: tuple[str, ...] = ()


NO_PARTS = Parts()


@dataclass(frozen=True, slots=True)
class Change:
    """One step on one case: what was, what is, who did it, when (domain time). `before` None: it is new.

    `authority` is by which right: the role that the step is for, and the tenant of whoever has it. `parts` are
    still to be asked for, by steps that follow from this one.
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
    parts: Parts = NO_PARTS

    @property
    def what(self) -> str:
        """The step's name."""
        return self.row.name
