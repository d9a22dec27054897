"""Where workers are while they are on shift, and for a short time where they have been."""

from datetime import datetime
from typing import Annotated, ClassVar

from pydantic import Field

from qipan.contracts.base import Command, Part, Query
from qipan.contracts.commands import Id

Lon = Annotated[float, Field(ge=-180, le=180)]
Lat = Annotated[float, Field(ge=-90, le=90)]


class Fix(Part):
    """A point in WGS-84 degrees at a moment (domain time). `metres`: how far off it may be."""

    worker: Id | None = None
    lon: Lon
    lat: Lat
    at: datetime
    metres: Annotated[float, Field(ge=0, le=100_000)] | None = None


class FixRefused(Part):
    """One fix that was not kept: which (counted from 0), by which rule, and what would satisfy it."""

    index: int
    rule: str
    allowed: str


class FixesTaken(Part):
    """How many fixes were kept, and which were not."""

    taken: int
    refused: tuple[FixRefused, ...] = ()


class ReportPositions(Command[FixesTaken]):
    """Where workers on shift are: a worker's own fixes, or those of many from their tenant's own system.

    Fixes of who is not on shift are refused. Told again, they change nothing.
    """

    type: ClassVar[str] = "position.report.v1"
    service: ClassVar[str] = "dispatch"
    remembered: ClassVar[bool] = False
    fixes: Annotated[tuple[Fix, ...], Field(min_length=1, max_length=500)]


class WorkerPosition(Part):
    """Where a worker on shift was last, and the way there as far as it is kept, oldest first."""

    worker: str
    unit: str | None = None
    fix: Fix
    trail: tuple[Fix, ...] = ()


class PositionsAnswer(Part):
    """The workers on shift who told where they are."""

    positions: tuple[WorkerPosition, ...]


class GetPositions(Query[PositionsAnswer]):
    """Where the town's workers are, for its dispatchers and shift leaders; a worker sees what is kept of them.

    Of one `worker` the trail is shown, too.
    """

    type: ClassVar[str] = "position.list.v1"
    service: ClassVar[str] = "dispatch"
    unit: Id | None = None
    worker: Id | None = None
