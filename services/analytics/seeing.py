"""What the district sees of itself beyond its totals: hot spots, surges, and what was done for those who spoke."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from qipan.contracts.figures import Hotspots, Surge
from services.analytics import places, readings, surge
from services.analytics.board import Period
from services.analytics.period import Span
from services.analytics.surge import Normal
from services.analytics.totals import Cut

EARLIER = 3
"""Periods of the same length before, which say what was usual in a cell."""

BACK_DAYS = 90
"""How long after its closure a matter that is filed again at a place is said to have come back."""

MOST_CASES = 50_000

DAY = timedelta(days=1)


def hotspots(
    conn: Connection, tenants: Sequence[str], span: Span, metres: float, at_least: int
) -> Callable[[], Hotspots]:
    """Read of the cells and places of a period; what comes back computes, without the database, where most happened."""
    length = span.until - span.since
    found = readings.days_of(conn, tenants, Cut.CELL, "filed", span.since - EARLIER * length, span.until)
    cells = []
    for (tenant, cell), days in found.items():
        sums = [0] * (EARLIER + 1)
        for bucket, count in days.items():
            sums[min(EARLIER, (span.until - bucket - timedelta(microseconds=1)) // length)] += count
        cells.append((tenant, cell, sums[0], sums[1:]))
    cases = readings.filed(conn, tenants, span.since - BACK_DAYS * DAY, span.until, MOST_CASES)
    return lambda: Hotspots(
        period=span.name,
        cells=places.hot_cells(cells),
        places=places.hot_places(cases, span.since, metres, at_least),
    )


def warnings(
    conn: Connection, tenants: Sequence[str], now: Period, days: int, zone: str
) -> Callable[[], tuple[Surge, ...]]:
    """Read of the last days; what comes back computes, without the database, the surges of each tenant and matter."""
    learned = now.today - (surge.LEARNED_DAYS + days) * DAY - DAY
    until = now.today + DAY
    counted = readings.days_of(conn, tenants, Cut.MATTER, "received", learned, until)
    hours = readings.days_of(conn, tenants, Cut.HOUR, "received", now.today - 28 * DAY, now.today)
    return lambda: _surges(counted, hours, now, days, zone)


def _surges(
    counted: Mapping[tuple[str, str], Mapping[datetime, int]],
    hours: Mapping[tuple[str, str], Mapping[datetime, int]],
    now: Period,
    days: int,
    zone: str,
) -> tuple[Surge, ...]:
    local = ZoneInfo(zone)
    found = []
    for (tenant, matter), buckets in counted.items():
        by_day = {bucket.astimezone(local).date(): count for bucket, count in buckets.items()}
        begun = min(by_day)
        for ago in range(days):
            day = (now.today.astimezone(local) - ago * DAY).date()
            usual = surge.normal(day, by_day, begun)
            if usual is not None and ago == 0:
                usual = usual.part(_share(hours.get((tenant, ""), {}), now.hour, zone))
            count = by_day.get(day, 0)
            if usual is not None and usual.exceeded(count):
                found.append(_warning(tenant, matter, day, count, usual))
    return tuple(sorted(found, key=lambda one: (-one.day.toordinal(), one.limit - one.count, one.tenant)))


def _share(hours: Mapping[datetime, int], now: datetime, zone: str) -> float:
    """The share of a day that usually has come by the end of the running hour; all of it where nothing is known."""
    local = ZoneInfo(zone)
    hour, whole = now.astimezone(local).hour, sum(hours.values())
    come = sum(count for at, count in hours.items() if at.astimezone(local).hour <= hour)
    return come / whole if whole else 1.0


def _warning(tenant: str, matter: str, day: object, count: int, usual: Normal) -> Surge:
    return Surge.model_validate(
        {
            "tenant": tenant,
            "matter": matter,
            "day": day,
            "count": count,
            "usual": round(usual.usual, 2),
            "limit": round(usual.limit, 2),
        }
    )
