"""The board: how the towns did in a period, and a tenant's last hours. Pure: from sums to what is shown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from qipan.contracts.queries import Standing
from qipan.tenancy import District, TenantKind, base_of, in_shadow, shadow_of
from services.analytics.league import ranks, rates, score
from services.analytics.totals import Counts, buckets

HOURS = 24
SHOWN = ("received", "filed", "disposed", "closed", "self_disposed", "declined", "merged", "voided")
"""What the last hours show besides what became overdue: the flow, and how matters ended."""


@dataclass(frozen=True, slots=True)
class Period:
    """Days up to and with today, by a zone's calendar. All are instants in UTC; `hour` is the running one."""

    start: datetime
    today: datetime
    hour: datetime

    @classmethod
    def until(cls, now: datetime, days: int, zone: str) -> "Period":
        """The period that ends now."""
        hour, today = buckets(now, zone)
        local = today.astimezone(ZoneInfo(zone))
        _, start = buckets(local - timedelta(days=days - 1), zone)
        return cls(start, today, hour)

    @property
    def hours(self) -> list[datetime]:
        """The last hours with the running one, oldest first."""
        return [self.hour - timedelta(hours=ago) for ago in reversed(range(HOURS))]


def league_of(district: District, tenant: str) -> tuple[str, ...]:
    """The towns that compete where this tenant is: a shadow's are its exercise's, never live ones."""
    return tuple(in_shadow(town.id, shadow_of(tenant)) for town in district.towns)


def covered_by(district: District, tenant: str) -> tuple[str, ...]:
    """The tenants whose figures a tenant's board adds up: the district's everybody's, else its own."""
    if district.tenant(tenant).kind != TenantKind.DISTRICT:
        return (tenant,)
    return tuple(in_shadow(base_of(id), shadow_of(tenant)) for id in district.tenants)


def standings(
    counts: Mapping[str, Counts], tenants: Sequence[str], weights: Mapping[str, float]
) -> list[Standing]:
    """The league table, best first; towns without a score come last."""
    measured = {tenant: rates(counts.get(tenant, {})) for tenant in tenants}
    scores = [score(measured[tenant], weights).value for tenant in tenants]
    placed = zip(tenants, scores, ranks(scores), strict=True)
    table = [
        _standing(tenant, counts.get(tenant, {}), measured[tenant], value, rank)
        for tenant, value, rank in placed
    ]
    return sorted(table, key=lambda standing: (standing.rank is None, standing.rank, standing.tenant))


def unplaced(tenant: str, counts: Counts) -> Standing:
    """The figures of a tenant that does not compete."""
    return _standing(tenant, counts, rates(counts), None, None)


def hour_rows(counts: Mapping[datetime, Counts], period: Period, zone: str) -> list[dict[str, int | str]]:
    """The last hours, one row each, empty ones too."""
    rows: list[dict[str, int | str]] = []
    for hour in period.hours:
        found = counts.get(hour, {})
        row: dict[str, int | str] = {"hour": hour.astimezone(ZoneInfo(zone)).isoformat()}
        rows.append(row | {name: found.get(name, 0) for name in SHOWN} | {"overdue": _overdue(found)})
    return rows


def _standing(
    tenant: str, counts: Counts, rates: dict[str, float | None], score: float | None, rank: int | None
) -> Standing:
    return Standing(
        tenant=tenant,
        rank=rank,
        score=score,
        received=counts.get("received", 0),
        filed=counts.get("filed", 0),
        disposed=counts.get("disposed", 0),
        closed=counts.get("closed", 0),
        open=counts.get("open", 0),
        overdue=_overdue(counts),
        rates=rates,
    )


def _overdue(counts: Counts) -> int:
    """What ran past its own deadline, disposed of since or not."""
    return counts.get("late", 0) + counts.get("overdue_pending", 0)
