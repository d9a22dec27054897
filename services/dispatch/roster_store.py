"""Rows about planned shifts: changes for single days, and the shifts that were signed on for in between."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime

from sqlalchemy import Connection, func, insert, select, tuple_
from sqlalchemy.dialects.postgresql import distinct_on

from qipan.contracts.field import Shift
from qipan.contracts.rosters import ChangeRoster
from qipan.tenancy.rosters import spans_of
from services.dispatch.planned import DayChange
from services.dispatch.reading import Key
from services.dispatch.tables import roster_changes, shifts


def add(conn: Connection, tenant: str, asked: ChangeRoster, by: str, at: datetime) -> None:
    """Keep what was decided about a worker's day; what was decided before stays on record."""
    values = {"tenant": tenant, "worker": asked.worker, "day": asked.day, "by": by, "at": at}
    hours = None if asked.hours is None else list(asked.hours)
    conn.execute(insert(roster_changes).values(**values, hours=hours, reason=asked.reason))


def changes(conn: Connection, since: Mapping[str, date]) -> dict[str, dict[str, dict[date, DayChange]]]:
    """What holds of single days from each tenant's `since` on: tenant → worker → day."""
    columns = roster_changes.c
    newest = (
        select(columns.tenant, columns.worker, columns.day, columns.hours, columns.by, columns.reason)
        .ext(distinct_on(columns.tenant, columns.worker, columns.day))
        .where(columns.tenant.in_(sorted(since)), columns.day >= min(since.values()))
        .order_by(columns.tenant, columns.worker, columns.day, columns.seq.desc())
    )
    found: dict[str, dict[str, dict[date, DayChange]]] = {}
    for tenant, worker, day, hours, by, reason in conn.execute(newest):
        if hours is not None and day >= since[tenant]:
            change = DayChange(spans_of(hours), by, reason)
            found.setdefault(tenant, {}).setdefault(worker, {})[day] = change
    return found


def signed_on(
    conn: Connection, between: Mapping[Key, tuple[datetime, datetime]]
) -> dict[Key, Sequence[Shift]]:
    """The shifts that each of these (tenant, worker) signed on for and that lie, in part, between two instants."""
    if not between:
        return {}
    columns = shifts.c
    ends = func.coalesce(columns.ended_at, columns.until)
    query = select(shifts, ends.label("ends")).where(
        tuple_(columns.tenant, columns.worker).in_(sorted(between)),
        columns.started_at < max(end for _, end in between.values()),
        ends > min(start for start, _ in between.values()),
    )
    found: dict[Key, list[Shift]] = {}
    for row in conn.execute(query.order_by(columns.started_at)):
        start, end = between[row.tenant, row.worker]
        if row.started_at < end and row.ends > start:
            kept = {name: value for name, value in row._mapping.items() if name in Shift.model_fields}
            found.setdefault((row.tenant, row.worker), []).append(Shift(**kept))
    return {key: tuple(one) for key, one in found.items()}
