"""What was added to a report since it came in, photos and comments: their rows, for whoever shows them."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, select

from services.intake.tables import comments, photos, reports


def photos_of(conn: Connection, tenant: str, report_id: str) -> Sequence[Row[Any]]:
    """A report's photos, oldest first."""
    query = select(photos).where(photos.c.tenant == tenant, photos.c.report_id == report_id)
    return conn.execute(query.order_by(photos.c.at, photos.c.real_at, photos.c.photo_id)).all()


def photos_of_case(conn: Connection, tenant: str, report_id: str, most: int) -> Sequence[Row[Any]]:
    """The photos of a report and of every one joined to it, oldest first, at most so many."""
    joined = select(reports.c.report_id).where(reports.c.tenant == tenant, reports.c.merged_into == report_id)
    # Named one by one: each is then a look into the photos' key, however many photos there are.
    ids = [report_id, *conn.execute(joined).scalars()]
    query = select(photos).where(photos.c.tenant == tenant, photos.c.report_id.in_(ids))
    order = query.order_by(photos.c.at, photos.c.real_at, photos.c.report_id, photos.c.photo_id)
    return conn.execute(order.limit(most)).all()


def photo_of(conn: Connection, tenant: str, report_id: str, name: str) -> Row[Any] | None:
    """The report's photo of that name, or None."""
    query = select(photos).where(
        photos.c.tenant == tenant, photos.c.report_id == report_id, photos.c.photo_id == name
    )
    return conn.execute(query).one_or_none()


def comments_of(conn: Connection, tenant: str, report_id: str) -> Sequence[Row[Any]]:
    """A report's comments, oldest first."""
    query = select(comments).where(comments.c.tenant == tenant, comments.c.report_id == report_id)
    return conn.execute(query.order_by(comments.c.at, comments.c.real_at, comments.c.comment_id)).all()
