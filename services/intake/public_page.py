"""The page of a report for who reported it: where it stands, what happened, what was added."""

from sqlalchemy import Connection

from qipan.contracts.errors import NotFound
from services.intake import follow_ups, store
from services.intake.additions import comments_of, photos_of
from services.intake.forms import PublicComment, PublicStatus, PublicStep
from services.intake.photo_shown import photo_added
from services.intake.public_status import whose, words_for
from services.intake.reopening import window
from services.intake.timeline import timeline


def page_of(conn: Connection, tenant: str, report_id: str, token: str, reopen_days: int) -> PublicStatus:
    """What the holder of the tracking token may know; NotFound when there is no such report.

    Of the report that this one was joined to, it shows how its case goes on, and nothing of its reporter.
    """
    row = store.report(conn, tenant, report_id)
    if row is None:
        raise NotFound
    original = store.report(conn, tenant, row.merged_into) if row.merged_into else None
    rated = store.rating(conn, tenant, report_id)
    until = window(row if original is None else original, reopen_days)
    return PublicStatus(
        report_id=report_id,
        tenant=tenant,
        status=row.status,
        words=words_for(row.status, whose(row)),
        responsible=whose(row),
        received_at=row.received_at,
        changed_at=row.changed_at if original is None else max(row.changed_at, original.changed_at),
        case_id=row.case_id if original is None else original.case_id,
        merged_into=row.merged_into,
        original_status=None if original is None else original.status,
        original_words=None if original is None else words_for(original.status),
        rating=None if rated is None else rated.rating,
        reopen_until=until.until if until is not None else None,
        rectification=follow_ups.shown(conn, tenant, report_id if original is None else original.report_id),
        timeline=tuple(
            PublicStep(status=step.status, words=words_for(step.status, whose(row)), at=step.at)
            for step in timeline(row, original)
        ),
        comments=tuple(
            PublicComment(comment_id=one.comment_id, text=one.text, at=one.at)
            for one in comments_of(conn, tenant, report_id)
        ),
        photos=tuple(photo_added(photo, token) for photo in photos_of(conn, tenant, report_id)),
    )
