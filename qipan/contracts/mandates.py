"""Mandates 赋权: a department lets a town command its units. Who gave which power, and who may handle what."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from qipan.contracts.base import Command, Event, Part, Query
from qipan.contracts.commands import Id

Code = Annotated[str, Field(min_length=1, max_length=40)]
Words = Annotated[str, Field(min_length=1, max_length=500)]


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


class MandateState(Part):
    """One mandate as it stands. Without `matters`: all that the department's units handle; `cells`: the whole town.

    It holds from `valid_from` until before `valid_until` (domain time, UTC; None is unbounded) unless `ended` says
    `revoked` or `expired`. `granted_by` acted on the authority of the tenant `authority`; a `standing` one is the
    pack's.
    """

    mandate_id: str
    tenant: str
    department: str
    kind: MandateKind
    legal_basis: str
    matters: tuple[str, ...] = ()
    cells: tuple[str, ...] = ()
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    standing: bool = False
    granted_at: datetime | None = None
    granted_by: str = ""
    authority: str = ""
    ended: str | None = None
    ended_at: datetime | None = None
    ended_by: str = ""
    reason: str = ""


class MandateAnswer(Part):
    """The mandate, and what became of the tasks that were under way when it ended.

    `referred` went back to the department, `continued` go on.
    """

    mandate: MandateState
    referred: int = 0
    continued: int = 0


class GrantMandate(Command[MandateAnswer]):
    """赋权: the department addressed lets a town command its units.

    For a department without people of its own the district is addressed, and `department` says for whom it acts.
    """

    type: ClassVar[str] = "mandate.grant.v1"
    service: ClassVar[str] = "dispatch"
    town: Id
    department: Id | None = None
    kind: MandateKind
    legal_basis: Words
    matters: Annotated[tuple[Code, ...], Field(max_length=500)] = ()
    cells: Annotated[tuple[Code, ...], Field(max_length=2000)] = ()
    valid_from: datetime | None = None
    valid_until: datetime | None = None


class RevokeMandate(Command[MandateAnswer]):
    """撤回赋权: from now on the town asks. What was offered goes to the department, what was accepted goes on."""

    type: ClassVar[str] = "mandate.revoke.v1"
    service: ClassVar[str] = "dispatch"
    mandate_id: Id
    town: Id
    reason: Words


class MandateList(Part):
    """A page of mandates, by town and id; `next` is what to give as `after` for the rest."""

    mandates: tuple[MandateState, ...]
    next: str | None = None


class ListMandates(Query[MandateList]):
    """The mandates that the town addressed has, that the department addressed gave, or all of the district's.

    Those that have ended are left out unless `ended` asks for them.
    """

    type: ClassVar[str] = "mandate.list.v1"
    service: ClassVar[str] = "dispatch"
    ended: bool = False
    limit: Annotated[int, Field(ge=1, le=500)] = 100
    after: Annotated[str, Field(max_length=200)] | None = None


class MandateGranted(Event):
    """A department granted the town addressed a mandate."""

    type: ClassVar[str] = "mandate.granted.v1"
    mandate: MandateState


class MandateRevoked(Event):
    """A department took a mandate back from the town addressed."""

    type: ClassVar[str] = "mandate.revoked.v1"
    mandate: MandateState


class MandateExpired(Event):
    """A mandate of the town addressed has come to its end."""

    type: ClassVar[str] = "mandate.expired.v1"
    mandate: MandateState
