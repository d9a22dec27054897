"""The plans that hold: the pack's rosters with what was decided about single days; one statement, if any."""

from collections.abc import Mapping
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from services.dispatch import roster_store
from services.dispatch.grounds import Grounds
from services.dispatch.planned import DAY, Plan


def plans_of(
    conn: Connection, grounds: Grounds, moments: Mapping[str, datetime], first: date | None = None
) -> dict[str, dict[str, Plan]]:
    """The plan of everybody who has a roster: tenant → worker.

    `moments`: each tenant's now; changes count from the day before it on, or before `first` if that is earlier.
    """
    rosters = {tenant: own for tenant in moments if (own := grounds.rosters(tenant))}
    if not rosters:
        return {}
    zones: dict[str, ZoneInfo] = {tenant: grounds.of(tenant).calendar.zone for tenant in rosters}
    today = {tenant: moments[tenant].astimezone(zones[tenant]).date() for tenant in rosters}
    since = {tenant: min(day, first or day) - DAY for tenant, day in today.items()}
    changed = roster_store.changes(conn, since)
    return {
        tenant: {
            worker: Plan(zones[tenant], of_worker, changed.get(tenant, {}).get(worker, {}))
            for worker, of_worker in own.items()
        }
        for tenant, own in rosters.items()
    }
