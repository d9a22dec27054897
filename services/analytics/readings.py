"""Reading totals: each board is a few ranges of one index."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from sqlalchemy import Connection, TextClause, text

from qipan.contracts.figures import SaidAndDone
from qipan.contracts.queries import UnitLoad
from qipan.tenancy.indicators import COUNTERS, PENDING
from services.analytics.board import Period
from services.analytics.figures import Part
from services.analytics.places import Filed
from services.analytics.totals import EPOCH, Counts

_SUMS = ", ".join(f"sum({name})::bigint" for name in COUNTERS)
# What is not disposed of is overdue once the hour of its deadline is over.
_PENDING = ", ".join(
    f"coalesce(sum({made.stored}) FILTER (WHERE bucket < :hour), 0)::bigint" for made in PENDING.values()
)
EVERY = (*COUNTERS, *PENDING)
"""Every counter, those made at reading, too."""

_SUM_OF = {name: f"sum({name})::bigint" for name in COUNTERS} | {
    name: f"coalesce(sum({made.stored}) FILTER (WHERE bucket < :over), 0)::bigint"
    for name, made in PENDING.items()
}

_BY_TENANT = text(
    f"SELECT tenant, {_SUMS}, {_PENDING} FROM ("
    " SELECT * FROM analytics.totals"
    " WHERE tenant = ANY(:tenants) AND cut = 'day' AND bucket >= :start AND bucket < :today"
    " UNION ALL SELECT * FROM analytics.totals"
    " WHERE tenant = ANY(:tenants) AND cut = 'hour' AND bucket >= :today AND bucket <= :hour"
    ") AS period GROUP BY tenant"
)
_BY_HOUR = text(
    f"SELECT bucket, {_SUMS}, {_PENDING} FROM analytics.totals"
    " WHERE tenant = ANY(:tenants) AND cut = 'hour' AND bucket >= :first AND bucket <= :hour GROUP BY bucket"
)
_EVER = text(
    f"SELECT {_SUMS} FROM analytics.totals WHERE tenant = ANY(:tenants) AND cut = 'ever' AND bucket = :epoch"
)

# Where a case was taken back from (it changed its matter, say) a row of zeros stays.
_SOMETHING = " OR ".join(f"{name} <> 0" for name in COUNTERS)
_LOAD = text(
    "SELECT member, sum(filed)::bigint, sum(open)::bigint, sum(disposed)::bigint, sum(on_time)::bigint"
    " FROM analytics.totals WHERE tenant = ANY(:tenants) AND cut = 'unit' AND bucket = :epoch"
    " GROUP BY member HAVING sum(filed) <> 0 ORDER BY sum(open) DESC, member"
)
_PLAN_ONCE = text("SET LOCAL plan_cache_mode = force_generic_plan")
_FILED = text(
    "SELECT tenant, case_id, matter, lon, lat, component, filed_at, closed_at FROM analytics.case_states"
    " WHERE tenant = ANY(:tenants) AND filed_at >= :since AND filed_at < :until AND stage <> 'voided'"
    # Of what was filed before places were kept, the place is nowhere.
    " AND NOT (lon = 0 AND lat = 0)"
    " ORDER BY filed_at DESC LIMIT :most"
)
_DONE = text(
    "SELECT tenant, matter, cell, said, filed_at, did, disposed_at, closed_at, rating"
    " FROM analytics.case_states WHERE tenant = ANY(:tenants) AND stage = 'closed' AND filed_at >= :since"
    " AND disposed_at IS NOT NULL AND closed_at IS NOT NULL AND said <> '' AND did <> '' AND channel <> ALL(:others)"
    " ORDER BY closed_at DESC, case_id LIMIT :limit"
)
Counted = tuple[str, datetime, Counts]
"""A member, when a part of the period begins, and what was counted of it in that part."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is read: these counters, added up over each of these parts of a period; `most` rows and one more.

    Who gets more rows than `most` knows that not all were read.
    """

    counters: Collection[str]
    parts: Sequence[Part]
    most: int


def by_member(
    conn: Connection, tenants: Sequence[str], cut: str, wanted: Wanted, today: datetime
) -> list[Counted]:
    """The counts of a cut's members over these tenants; what waits is overdue once the day of its deadline is over."""
    return _by_part(conn, "member", tenants, cut, wanted, (wanted.parts[0][0], wanted.parts[-1][1]), today)


def of_tenants(
    conn: Connection, tenants: Sequence[str], wanted: Wanted, now: Period, *, hours: bool
) -> list[Counted]:
    """The counts of these tenants: from hours, or from the days that are over and today's hours."""
    since, until = wanted.parts[0][0], wanted.parts[-1][1]
    if hours:
        return _by_part(conn, "tenant", tenants, "hour", wanted, (since, until), now.hour)
    days, today = (since, min(until, now.today)), (max(since, now.today), until)
    return [
        *_by_part(conn, "tenant", tenants, "day", wanted, days, now.hour),
        *_by_part(conn, "tenant", tenants, "hour", wanted, today, now.hour),
    ]


def days_of(
    conn: Connection, tenants: Sequence[str], cut: str, counter: str, since: datetime, until: datetime
) -> dict[tuple[str, str], dict[datetime, int]]:
    """One counter of each (tenant, member) of a cut, by bucket; days with nothing are left out."""
    if counter not in COUNTERS:
        raise ValueError(f"there is no counter {counter!r}")
    query = text(
        f"SELECT tenant, member, bucket, {counter} FROM analytics.totals WHERE tenant = ANY(:tenants)"
        f" AND cut = :cut AND bucket >= :since AND bucket < :until AND {counter} <> 0"
    )
    given = {"tenants": list(tenants), "cut": cut, "since": since, "until": until}
    found: dict[tuple[str, str], dict[datetime, int]] = {}
    for tenant, member, bucket, count in conn.execute(query, given):
        found.setdefault((tenant, member), {})[bucket] = count
    return found


def filed(
    conn: Connection, tenants: Sequence[str], since: datetime, until: datetime, most: int
) -> list[Filed]:
    """The newest cases filed between two moments, at their places; voided ones, and what has no place, are left out."""
    given = {"tenants": list(tenants), "since": since, "until": until, "most": most}
    return [Filed(*row) for row in conn.execute(_FILED, given)]


def done(
    conn: Connection, tenants: Sequence[str], since: datetime, others: Sequence[str], limit: int
) -> tuple[SaidAndDone, ...]:
    """The cases closed last, of those filed since then that tell what was done; not what came through `others`."""
    given = {"tenants": list(tenants), "since": since, "others": list(others), "limit": limit}
    names = (
        "tenant",
        "matter",
        "cell",
        "said",
        "reported_at",
        "did",
        "done_at",
        "closed_at",
        "rating",
    )
    return tuple(
        SaidAndDone.model_validate(dict(zip(names, row, strict=True))) for row in conn.execute(_DONE, given)
    )


def plan_once(conn: Connection) -> None:
    """Let this transaction's statements be run by plans made once, which choose among the months as they are run.

    Left to itself, PostgreSQL plans each anew, since a plan for any months looks dear: a quarter of a board's CPU.
    """
    conn.execute(_PLAN_ONCE)


def load(conn: Connection, tenants: Sequence[str]) -> list[UnitLoad]:
    """What each unit has in hand, the most loaded first."""
    rows = conn.execute(_LOAD, {"tenants": list(tenants), "epoch": EPOCH})
    return [UnitLoad(unit=row[0], filed=row[1], open=row[2], disposed=row[3], on_time=row[4]) for row in rows]


def _by_part(
    conn: Connection,
    owner: str,
    tenants: Sequence[str],
    cut: str,
    wanted: Wanted,
    bounds: Part,
    over: datetime,
) -> list[Counted]:
    """Added up where the rows are: those of ten years by day and cell are millions, and here they are memory."""
    names = tuple(name for name in EVERY if name in wanted.counters)
    starts = [since for since, _ in wanted.parts]
    given = {
        "tenants": list(tenants),
        "cut": cut,
        "starts": starts,
        "since": bounds[0],
        "until": bounds[1],
        "over": over,
        "most": wanted.most + 1,
    }
    return [
        (row[0], starts[row[1] - 1], dict(zip(names, row[2:], strict=True)))
        for row in conn.execute(_adding_up(owner, names), given)
    ]


@lru_cache(maxsize=64)
def _adding_up(owner: str, names: tuple[str, ...]) -> TextClause:
    sums = "".join(f", {_SUM_OF[name]}" for name in names)
    return text(
        f"SELECT {owner}, width_bucket(bucket, CAST(:starts AS timestamptz[])) AS part{sums}"
        " FROM analytics.totals"
        f" WHERE tenant = ANY(:tenants) AND cut = :cut AND bucket >= :since AND bucket < :until AND ({_SOMETHING})"
        f" GROUP BY {owner}, part LIMIT :most"
    )


def by_tenant(conn: Connection, tenants: Sequence[str], period: Period) -> dict[str, Counts]:
    """Each tenant's counts in a period: whole days, and today by the hour."""
    bounds = {"start": period.start, "today": period.today, "hour": period.hour}
    rows = conn.execute(_BY_TENANT, {"tenants": list(tenants), **bounds})
    return {row[0]: dict(zip(EVERY, row[1:], strict=True)) for row in rows}


def by_hour(conn: Connection, tenants: Sequence[str], period: Period) -> dict[datetime, Counts]:
    """The counts of these tenants together, for each of the last hours in which there were any."""
    bounds = {"first": period.hours[0], "hour": period.hour}
    rows = conn.execute(_BY_HOUR, {"tenants": list(tenants), **bounds})
    return {row[0]: dict(zip(EVERY, row[1:], strict=True)) for row in rows}


def ever(conn: Connection, tenants: Sequence[str]) -> Counts:
    """The counts of these tenants together since the beginning."""
    row = conn.execute(_EVER, {"tenants": list(tenants), "epoch": EPOCH}).one()
    return {name: count or 0 for name, count in zip(COUNTERS, row, strict=True)}
