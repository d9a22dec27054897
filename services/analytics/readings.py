"""Reading totals: each board is a few ranges of one index."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, text

from services.analytics.board import Period
from services.analytics.counters import COUNTERS
from services.analytics.indicators import EXTENDED_PENDING, OVERDUE_PENDING
from services.analytics.totals import EPOCH, Counts

_SUMS = ", ".join(f"sum({name})" for name in COUNTERS)
# What is not disposed of is overdue once the hour of its deadline is over.
_MADE = {OVERDUE_PENDING: "undisposed", EXTENDED_PENDING: "extended_undisposed"}
_PENDING = ", ".join(f"coalesce(sum({name}) FILTER (WHERE bucket < :hour), 0)" for name in _MADE.values())
_NAMES = (*COUNTERS, *_MADE)

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


def by_tenant(conn: Connection, tenants: Sequence[str], period: Period) -> dict[str, Counts]:
    """Each tenant's counts in a period: whole days, and today by the hour."""
    bounds = {"start": period.start, "today": period.today, "hour": period.hour}
    rows = conn.execute(_BY_TENANT, {"tenants": list(tenants), **bounds})
    return {row[0]: dict(zip(_NAMES, row[1:], strict=True)) for row in rows}


def by_hour(conn: Connection, tenants: Sequence[str], period: Period) -> dict[datetime, Counts]:
    """The counts of these tenants together, for each of the last hours in which there were any."""
    bounds = {"first": period.hours[0], "hour": period.hour}
    rows = conn.execute(_BY_HOUR, {"tenants": list(tenants), **bounds})
    return {row[0]: dict(zip(_NAMES, row[1:], strict=True)) for row in rows}


def ever(conn: Connection, tenants: Sequence[str]) -> Counts:
    """The counts of these tenants together since the beginning."""
    row = conn.execute(_EVER, {"tenants": list(tenants), "epoch": EPOCH}).one()
    return {name: count or 0 for name, count in zip(COUNTERS, row, strict=True)}
