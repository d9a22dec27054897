"""Figures: indicators by period and member, the league, places, warnings, and what was done for the public to see."""

from datetime import date, datetime
from typing import Annotated, ClassVar

from pydantic import Field

from qipan.contracts.base import Command, Part, Query

Name = Annotated[str, Field(min_length=1, max_length=64)]
Named = dict[str, str]
"""A text by language: `zh`, `en`."""


class Declared(Part):
    """One indicator as it is declared. `own`: the tenant's, not the district's."""

    id: str
    name: Named
    formula: Named
    numerator: str
    denominator: str
    unit: str
    source: str
    less_is_better: bool
    own: bool = False


class Declarations(Part):
    """Every indicator that a tenant has."""

    indicators: tuple[Declared, ...]


class ListIndicators(Query[Declarations]):
    """What can be asked for of the addressed tenant."""

    type: ClassVar[str] = "indicator.list.v1"
    service: ClassVar[str] = "analytics"


class Value(Part):
    """One indicator's value and what was divided by what; None where there was nothing to divide by."""

    value: float | None
    above: int
    below: int


class Figure(Part):
    """One member's values in `since` ≤ time < `until` (UTC), and what was counted, where that was asked for."""

    member: str
    since: datetime
    until: datetime
    values: dict[str, Value]
    counts: dict[str, int] = Field(default_factory=dict)


class Figures(Part):
    """The values asked for, by member and time; members without anything are left out."""

    by: str
    period: str
    every: str
    since: datetime
    until: datetime
    rows: tuple[Figure, ...]


class GetFigures(Query[Figures]):
    """Indicators of the addressed tenant; of the district, over all its tenants.

    `indicators`: none means all. `by` tenant, department, matter, cell or channel. `period`: today, yesterday,
    last-7-days, last-30-days, this-week, this-month, last-month, a month (2026-03), a week (2026-W10), a day
    (2026-03-02), or from a day to a day, both included (2026-03-01/2026-03-15). `every`: whole, hour (by tenant
    only), day, week or month. `counts`: whether to tell what was counted, too.
    """

    type: ClassVar[str] = "figures.get.v1"
    service: ClassVar[str] = "analytics"
    indicators: tuple[Name, ...] = Field(default=(), max_length=100)
    by: Name = "tenant"
    period: Name = "last-30-days"
    every: Name = "whole"
    counts: bool = False


class LostCase(Part):
    """A case that cost points, and how many of the line's lost ones."""

    tenant: str
    case_id: str
    points: float


class ScoreLine(Part):
    """One indicator's part in a score. `cases`: those that cost the most; `more`: how many others there are."""

    indicator: str
    rate: float | None
    points: float
    earned: float | None
    lost: float
    cases: tuple[LostCase, ...] = ()
    more: int = 0


class Placing(Part):
    """Somebody's place in the league; `before`: rank and score in the period before, where there were any."""

    member: str
    rank: int | None
    score: float | None
    before_rank: int | None = None
    before_score: float | None = None
    lines: tuple[ScoreLine, ...] = ()


class Revision(Part):
    """A published table's revision: the first is the publication, each later one a correction with its reason."""

    number: int
    at: datetime
    by: str
    reason: str = ""


class League(Part):
    """A league table. `published`: it is frozen, as of the last of `revisions`; else it is as of now."""

    of: str
    period: str
    since: datetime
    until: datetime
    published: bool
    places: tuple[Placing, ...]
    revisions: tuple[Revision, ...] = ()


class GetLeague(Query[League]):
    """The league of the district's `towns` or `departments` in a period; addressed to the district, else Invalid.

    `revision`: an earlier one of a published table. `live`: as of now, though one was published.
    """

    type: ClassVar[str] = "league.get.v1"
    service: ClassVar[str] = "analytics"
    of: Name = "towns"
    period: Name = "last-month"
    revision: int | None = Field(default=None, ge=1)
    live: bool = False


class ExplainScore(Query[Placing]):
    """Why somebody has the score they have in the league: every point lost, with the cases that cost it."""

    type: ClassVar[str] = "league.explain.v1"
    service: ClassVar[str] = "analytics"
    of: Name = "towns"
    member: Name
    period: Name = "last-month"


class PublishLeague(Command[League]):
    """晾晒: freeze and publish the table of a period that is over. Once published, it is only corrected."""

    type: ClassVar[str] = "league.publish.v1"
    service: ClassVar[str] = "analytics"
    of: Name = "towns"
    period: Name


class CorrectLeague(Command[League]):
    """A published table is counted again; the reason stays beside it, and so does what it was before."""

    type: ClassVar[str] = "league.correct.v1"
    service: ClassVar[str] = "analytics"
    of: Name = "towns"
    period: Name
    reason: Annotated[str, Field(min_length=1, max_length=1000)]


class HotCell(Part):
    """A duty cell in which much was filed. `normal`: what was usual there over the periods before."""

    tenant: str
    cell: str
    filed: int
    normal: float
    excess: float


class HotPlace(Part):
    """A place at which the same matter was filed repeatedly; `came_back`: after it had been closed there."""

    tenant: str
    matter: str
    lon: float
    lat: float
    component: str | None = None
    filed: int
    came_back: int
    last_at: datetime
    cases: tuple[str, ...] = ()


class Hotspots(Part):
    """Where it happens, most first."""

    period: str
    cells: tuple[HotCell, ...]
    places: tuple[HotPlace, ...]


class GetHotspots(Query[Hotspots]):
    """Cells with more than usual, repeated places, and places that came back after closure."""

    type: ClassVar[str] = "hotspots.get.v1"
    service: ClassVar[str] = "analytics"
    period: Name = "last-30-days"
    metres: int = Field(default=60, ge=5, le=500)
    at_least: int = Field(default=3, ge=2, le=100)


class Surge(Part):
    """More of a matter than the season explains (`usual`), beyond `limit`, on a day; today so far is one, too."""

    tenant: str
    matter: str | None
    day: date
    count: int
    usual: float
    limit: float


class Warnings(Part):
    """The surges of the days looked at, newest and strongest first."""

    surges: tuple[Surge, ...]


class GetWarnings(Query[Warnings]):
    """Surges of the last `days` days against the seasonal normal, by town and matter."""

    type: ClassVar[str] = "warnings.get.v1"
    service: ClassVar[str] = "analytics"
    days: int = Field(default=3, ge=1, le=31)


class SaidAndDone(Part):
    """What somebody said and what was done, by matter and cell: no case, no exact place, no reporter.

    `said` and `did` are as people wrote them, without phone numbers, mail addresses and identity card numbers; names,
    flats and number plates that they wrote are still there.
    """

    tenant: str
    matter: str
    cell: str | None
    said: str
    reported_at: datetime
    did: str
    done_at: datetime
    closed_at: datetime
    rating: int | None = None


class DoneList(Part):
    """Closed cases, newest first."""

    done: tuple[SaidAndDone, ...]


class ListDone(Query[DoneList]):
    """你说我办: what citizens said lately in the addressed tenant, and what was done about it."""

    type: ClassVar[str] = "done.list.v1"
    service: ClassVar[str] = "analytics"
    limit: int = Field(default=20, ge=1, le=100)
