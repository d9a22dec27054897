"""Whom to ask: the recommendation that a dispatcher sees before deciding."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from qipan.contracts.base import Command, Part, Query
from qipan.contracts.commands import Id


class Candidate(Part):
    """Somebody who can be asked. `worker` None is the whole unit; `minutes` of travel, None: not known.

    `open` is the number of cases on the list already. `rule`: by what this unit is asked at all.
    """

    unit: str
    department: str
    worker: str | None = None
    open: int = 0
    minutes: float | None = None
    rule: str
    reasons: tuple[str, ...] = ()


class PassedOver(Part):
    """A unit, or a worker of the unit recommended, that was not taken, and the rule that passed it over.

    `mandate` may not be commanded here · `declined` gave it back · `matter` `area` does not handle it there ·
    `named` another is there for it especially · `skill` `available` `load` nobody who can, is there, has room ·
    `cell` another answers for the cell · `travel-and-load` another is nearer or has less to do · `rule <name>`
    `card <name>` of the town's ·
    `town` the town's own dispatch. `why` says it in words.
    """

    unit: str
    worker: str | None = None
    rule: str
    why: str


class CrewMember(Part):
    """One place of a run card: who should take it, or, where nobody can, why (`unit` None).

    `task_id` is the child task of whoever has been asked to take it already.
    """

    role: Literal["lead", "support"]
    unit: str | None = None
    department: str | None = None
    worker: str | None = None
    minutes: float | None = None
    why: str = ""
    task_id: str | None = None


class Recommendation(Part):
    """Whom to ask for a case, best first, as things stand at this version of it.

    Without candidates nobody can be asked, and `why` says it. `crew` is what the run card `card` sends, the
    lead first; empty where no card holds.
    """

    case_id: str
    version: int
    candidates: tuple[Candidate, ...]
    passed_over: tuple[PassedOver, ...]
    why: str
    automatic: bool
    card: str | None = None
    crew: tuple[CrewMember, ...] = ()


class RecommendUnits(Query[Recommendation]):
    """Whom dispatch would ask for a case now, and why nobody else."""

    type: ClassVar[str] = "case.recommend.v1"
    service: ClassVar[str] = "dispatch"
    case_id: Id


Many = Annotated[int, Field(ge=1, le=100)]


class Matched(Part):
    """Who should take a waiting case, when all that wait are shared out as a whole."""

    case_id: str
    version: int
    unit: str
    worker: str | None = None
    reasons: tuple[str, ...] = ()


class LeftWaiting(Part):
    """A case that goes on waiting for a dispatcher, and why."""

    case_id: str
    version: int
    why: str


class WaitingMatched(Part):
    """The cases that wait to be dispatched, soonest deadline first, each matched or left waiting."""

    matched: tuple[Matched, ...]
    left: tuple[LeftWaiting, ...] = ()


class MatchWaiting(Query[WaitingMatched]):
    """How the filed cases that wait for a dispatcher would best be shared out: travel and load together least."""

    type: ClassVar[str] = "work.match.v1"
    service: ClassVar[str] = "dispatch"
    limit: Many = 50


class DispatchWaiting(Command[WaitingMatched]):
    """派遣, all at once: offer the filed cases that wait as `work.match.v1` would share them out now.

    `cases` names those that are meant (none: all, up to `limit`); what is not offered is told with the reason.
    """

    type: ClassVar[str] = "work.dispatch.v1"
    service: ClassVar[str] = "dispatch"
    cases: Annotated[tuple[Id, ...], Field(max_length=100)] = ()
    limit: Many = 50
