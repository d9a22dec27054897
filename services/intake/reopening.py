"""重开: the reporter has a closed case taken up again, within the town's window."""

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Row, delete, select
from sqlalchemy.dialects.postgresql import insert

from qipan.contracts.case import Stage
from qipan.contracts.errors import Conflict, IllegalTransition, NotFound
from qipan.contracts.events import ReportReopened
from qipan.personal import struck
from qipan.storage import Work
from qipan.tenancy import District
from services.intake import store
from services.intake.public_status import ReportStatus
from services.intake.tables import ratings, reopenings

SETTING, USUAL_DAYS = "dispatch.reopen-days", 7


class Window(NamedTuple):
    """When a case was closed, and until when it may be reopened (domain time, UTC)."""

    closed_at: datetime
    until: datetime


def window(row: Row[Any], days: int) -> Window | None:
    """The window of a report whose case is closed; None for any other, or where nothing may be reopened."""
    closed = (row.stage_times or {}).get(Stage.CLOSED)
    if row.status != Stage.CLOSED or closed is None or days == 0:
        return None
    closed_at = datetime.fromtimestamp(closed / 1000, UTC)
    return Window(closed_at, closed_at + timedelta(days=days))


def days_of(district: District, tenant: str) -> int:
    """For how many days the tenant's cases may be reopened."""
    return district.setting(tenant, SETTING, USUAL_DAYS)


def reopen(work: Work, district: District, tenant: str, report_id: str, reason: str) -> datetime:
    """Have the report's case taken up again; returns when that was asked. The same again changes nothing.

    NotFound; IllegalTransition for a case that is not closed; Conflict once the window is over (it says until when
    it was possible), or when it was reopened for another reason. A rating given before is forgotten: another
    counts once the case is closed again.
    """
    row = store.report(work.conn, tenant, report_id, lock=True)
    if row is not None and row.status == ReportStatus.MERGED:
        row = store.report(work.conn, tenant, row.merged_into, lock=True)
    if row is None:
        raise NotFound
    days = days_of(district, tenant)
    open_until = window(row, days)
    if open_until is None:
        said = "is not reopened here" if row.status == Stage.CLOSED else f"is {row.status!r}, not closed"
        raise IllegalTransition(f"Only a closed case can be reopened; this one {said}.", stage=row.status)
    now = work.now(tenant)
    key = (reopenings.c.tenant == tenant) & (reopenings.c.report_id == row.report_id)
    before = work.conn.execute(
        select(reopenings).where(key, reopenings.c.closed_at == open_until.closed_at)
    ).one_or_none()
    if before is not None:
        if before.reason != reason:
            raise Conflict("The case has been reopened already; it is being taken up again.")
        return before.at
    if now > open_until.until:
        raise Conflict(
            f"The case could be reopened until {open_until.until:%Y-%m-%d %H:%M} UTC, {days} days after it was"
            " closed; please report it anew.",
            until=open_until.until.isoformat(),
        )
    work.conn.execute(
        insert(reopenings).values(
            tenant=tenant, report_id=row.report_id, closed_at=open_until.closed_at, reason=reason, at=now
        )
    )
    work.conn.execute(
        delete(ratings).where(ratings.c.tenant == tenant, ratings.c.report_id.in_({report_id, row.report_id}))
    )
    event = ReportReopened(
        report_id=row.report_id,
        case_id=row.case_id,
        reason=struck(reason),
        closed_at=open_until.closed_at,
        reopened_at=now,
    )
    work.publish(event, tenant=tenant, subject=row.report_id)
    return now
