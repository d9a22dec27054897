"""What every list of cases can be narrowed by."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from qipan.contracts.base import Part
from qipan.contracts.case import Stage

_Id = Annotated[str, Field(min_length=1, max_length=128)]


class CaseFilters(Part):
    """What is not given does not narrow the list; what is given holds all at once.

    `stages`, `matters`: any one of them. `department`, `unit`, `worker`: who has the case now. `cell`: lies in
    it, of whatever layer. `overdue`: whether its running clock has run out; `light`: how it stands, green,
    yellow (little is left) or red. `filed_from` ≤ filed < `filed_until`, domain time. `text`: words or characters
    of the summary or the address, all of them, each from its beginning. `bbox`: west,south,east,north in WGS-84
    degrees, as OGC API Features has it.
    """

    stages: tuple[Stage, ...] = Field(default=(), max_length=20)
    matters: tuple[_Id, ...] = Field(default=(), max_length=20)
    department: _Id | None = None
    unit: _Id | None = None
    worker: _Id | None = None
    cell: _Id | None = None
    overdue: bool | None = None
    light: Literal["green", "yellow", "red"] | None = None
    filed_from: AwareDatetime | None = None
    filed_until: AwareDatetime | None = None
    text: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    bbox: Annotated[str, Field(max_length=120)] | None = None
