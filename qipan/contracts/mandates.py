"""Mandates 赋权: a department lets a town command its units. Who gave which power, and who may handle what."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from qipan.contracts.base import Part, Query


class MandateKind(StrEnum):
    """How a department's power comes to a town. Coercive police powers are never delegated: a stationed unit acts."""

    ENTRUSTED = "entrusted"  # 委托: the town acts in the department's name
    DELEGATED = "delegated"  # 赋权: the town acts in its own name
    STATIONED = "stationed"  # 派驻: the department's unit is stationed in the town and acts itself


class MayHandle(Part):
    """One unit's answer to: may you handle this here now?

    `rule` is what decided: `matter` and `area` (not this unit's business), `own` (the unit is of whoever asks),
    `mandate`, `mandate-lacking`; `why` in words. `lead`: of those who may, the one that the district's rule
    takes first. With a mandate: its id, its legal basis, and until when it holds (None: for ever).
    """

    unit: str
    department: str
    may: bool
    rule: str
    why: str
    lead: bool = False
    mandate_id: str | None = None
    legal_basis: str | None = None
    valid_until: datetime | None = None


class DutyAnswer(Part):
    """Every unit of the town. `ask`: where none may be commanded, the department that is asked instead.

    `asks` are the people on whose list such a case comes. `at` is domain time in UTC.
    """

    tenant: str
    matter: str
    cell: str | None = None
    at: datetime
    units: tuple[MayHandle, ...]
    ask: str | None = None
    asks: tuple[str, ...] = ()


class WhoMayHandle(Query[DutyAnswer]):
    """Who may handle a matter in the town addressed, at a place, at a time, and why.

    The place is a duty cell's code or a point in WGS-84 degrees; without one, anywhere in the town. Without `at`
    it is now.
    """

    type: ClassVar[str] = "duty.who.v1"
    service: ClassVar[str] = "dispatch"
    matter: Annotated[str, Field(min_length=1, max_length=40)]
    cell: Annotated[str, Field(min_length=1, max_length=40)] | None = None
    lon: float | None = Field(default=None, ge=-180, le=180)
    lat: float | None = Field(default=None, ge=-90, le=90)
    at: datetime | None = None
