"""吹哨报到: a town summons departments to a place for a case; each one's arrival clock, and its answers."""

from datetime import datetime
from typing import Annotated, ClassVar

from pydantic import Field

from qipan.contracts.addressed import FieldEvent
from qipan.contracts.base import Command, Part, Query
from qipan.contracts.commands import Id, Text
from qipan.contracts.positions import Lat, Lon
from qipan.contracts.queries import Limit


class WhistleAnswer(Part):
    """What one of a department's people answered. `arrived`: that they are there."""

    by: str
    at: datetime
    arrived: bool
    note: str = ""


class Summons(Part):
    """A department summoned: until when it is to be there, when the first of its people was, when it was late."""

    department: str
    due_at: datetime
    arrived_at: datetime | None = None
    arrived_by: str | None = None
    overdue_at: datetime | None = None
    answers: tuple[WhistleAnswer, ...] = ()


class WhistleState(Part):
    """A whistle as it stands (domain time, UTC). `ended_at` None: it goes on."""

    whistle_id: str
    tenant: str
    case_id: str
    lon: float
    lat: float
    address: str | None = None
    reason: str
    blown_at: datetime
    blown_by: str
    summons: tuple[Summons, ...]
    ended_at: datetime | None = None
    ended_by: str | None = None
    outcome: str | None = None


class BlowWhistle(Command[WhistleState]):
    """吹哨: the town's dispatcher or lead summons departments; to the case's place, unless another is named."""

    type: ClassVar[str] = "whistle.blow.v1"
    service: ClassVar[str] = "dispatch"
    case_id: Id
    departments: Annotated[tuple[Id, ...], Field(min_length=1, max_length=20)]
    reason: Annotated[str, Field(min_length=1, max_length=500)]
    lon: Lon | None = None
    lat: Lat | None = None
    address: Annotated[str, Field(max_length=300)] | None = None


class AnswerWhistle(Command[WhistleState]):
    """报到: one of the department's people, or its service, says that it is there, or what is to be said till then."""

    type: ClassVar[str] = "whistle.answer.v1"
    service: ClassVar[str] = "dispatch"
    whistle_id: Id
    department: Id
    arrived: bool = True
    note: Text = ""


class EndWhistle(Command[WhistleState]):
    """The departments are no longer needed at the place; `outcome` says what came of it."""

    type: ClassVar[str] = "whistle.end.v1"
    service: ClassVar[str] = "dispatch"
    whistle_id: Id
    outcome: Annotated[str, Field(min_length=1, max_length=4000)]


class Whistles(Part):
    """Whistles that the asker may see, the newest first. `next` asks for the page after this one."""

    whistles: tuple[WhistleState, ...]
    next: str | None = None


class ListWhistles(Query[Whistles]):
    """The town's whistles, or those that summoned the department addressed; by default those that go on."""

    type: ClassVar[str] = "whistle.list.v1"
    service: ClassVar[str] = "dispatch"
    case_id: Id | None = None
    ended: bool = False
    limit: Limit = 100
    after: str | None = None


class WhistleEvent(FieldEvent):
    """Something about a whistle, with its whole state. Addressed to the town, and to each department's tenant."""

    whistle: WhistleState


class WhistleBlown(WhistleEvent):
    """吹哨: departments were summoned."""

    type: ClassVar[str] = "whistle.blown.v1"


class WhistleAnswered(WhistleEvent):
    """报到: a department answered."""

    type: ClassVar[str] = "whistle.answered.v1"


class WhistleOverdue(WhistleEvent):
    """A department was not there in time; told once."""

    type: ClassVar[str] = "whistle.overdue.v1"


class WhistleEnded(WhistleEvent):
    """The whistle is over."""

    type: ClassVar[str] = "whistle.ended.v1"


WHISTLE_EVENTS: tuple[type[WhistleEvent], ...] = (
    WhistleBlown,
    WhistleAnswered,
    WhistleOverdue,
    WhistleEnded,
)
