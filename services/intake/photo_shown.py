"""A photo as its reporter is shown it."""

from typing import Any

from sqlalchemy import Row

from services.intake.forms import PhotoAdded


def photo_added(row: Row[Any], token: str) -> PhotoAdded:
    """What the reporter is shown of a photo."""
    return PhotoAdded(
        photo_id=row.photo_id,
        media_type=row.media_type,
        width=row.width,
        height=row.height,
        bytes=row.bytes,
        added_at=row.at,
        link=f"/v1/reports/{row.report_id}/photos/{row.photo_id}?token={token}",
    )
