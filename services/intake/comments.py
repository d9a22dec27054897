"""What a reporter adds to a report later on: stored, and told to whoever listens."""

from datetime import timedelta
from typing import Any

from sqlalchemy import Row, func, insert, select

from qipan.contracts.errors import KeyReused, NotFound
from qipan.contracts.events import ReportCommented
from qipan.http import TooManyRequests
from qipan.personal import struck
from qipan.storage import Work
from services.intake import store
from services.intake.public_status import ReportStatus
from services.intake.tables import comments

WINDOW = timedelta(hours=1)
"""In real time: the limit is for machines and tempers, which an exercise's clock does not speed up."""


def comment(
    work: Work, tenant: str, report_id: str, *, comment_id: str, words: str, most_an_hour: int
) -> Row[Any]:
    """Store a comment and tell of it; the same under the same id again is the first one.

    NotFound when there is no such report, KeyReused for other words under the same id, TooManyRequests when
    the report has had `most_an_hour` within the hour.
    """
    # Locked: of many sent at once no more are taken than may be.
    report = store.report(work.conn, tenant, report_id, lock=True)
    if report is None:
        raise NotFound
    mine = (comments.c.tenant == tenant) & (comments.c.report_id == report_id)
    before = work.conn.execute(
        select(comments).where(mine, comments.c.comment_id == comment_id)
    ).one_or_none()
    if before is not None:
        if before.text != words:
            raise KeyReused()
        return before
    lately = select(
        func.count(), func.date_part("epoch", func.min(comments.c.real_at) + WINDOW - func.clock_timestamp())
    ).where(mine, comments.c.real_at > func.clock_timestamp() - WINDOW)
    count, wait = work.conn.execute(lately).one()
    if count >= most_an_hour:
        raise TooManyRequests(
            f"A report takes {most_an_hour} comments an hour; try again later.",
            retry_after=max(1, int(wait or WINDOW.total_seconds())),
        )
    now = work.now(tenant)
    row = {"tenant": tenant, "report_id": report_id, "comment_id": comment_id, "text": words, "at": now}
    stored = work.conn.execute(insert(comments).values(row).returning(comments)).one()
    case_id = report.case_id
    if report.status == ReportStatus.MERGED:
        original = store.report(work.conn, tenant, report.merged_into)
        case_id = original.case_id if original is not None else None
    event = ReportCommented(
        report_id=report_id, comment_id=comment_id, case_id=case_id, text=struck(words), commented_at=now
    )
    work.publish(event, tenant=tenant, subject=report_id)
    return stored
