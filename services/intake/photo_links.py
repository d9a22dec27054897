"""Links to a report's photos, for those who may see its case."""

import time
from datetime import UTC, datetime

from qipan.access import Grant
from qipan.contracts.errors import NotFound, Unavailable
from qipan.contracts.queries import PhotoLink, ReportPhotos
from qipan.storage import Work
from services.intake import store
from services.intake.additions import photos_of
from services.intake.photo_names import TICKET_SECONDS, PhotoNames


def linked_photos(
    work: Work, names: PhotoNames | None, tenant: str, report_id: str, grant: Grant
) -> ReportPhotos:
    """The report's photos, each with a link that holds for a while.

    NotFound when there is no such report, Forbidden when its case is not the asker's to see: another unit's,
    or in another cell. Before there is a case only those see them whose right covers the whole tenant.
    """
    row = store.report(work.conn, tenant, report_id)
    if row is None:
        raise NotFound(f"There is no report {report_id!r}.")
    grant.require(unit=row.unit, department=row.department, cells=tuple((row.cells or {}).values()))
    found = photos_of(work.conn, tenant, report_id)
    if found and names is None:
        raise Unavailable("Photos cannot be opened here: QIPAN_DOOR_SECRET is not set.")
    until = int(time.time()) + TICKET_SECONDS
    return ReportPhotos(
        photos=tuple(
            PhotoLink(
                photo_id=photo.photo_id,
                media_type=photo.media_type,
                width=photo.width,
                height=photo.height,
                bytes=photo.bytes,
                added_at=photo.at,
                link=f"/v1/reports/{report_id}/photos/{photo.photo_id}"
                f"?ticket={names.ticket(tenant, report_id, photo.photo_id, until)}",
                until=datetime.fromtimestamp(until, UTC),
            )
            for photo in found
            if names is not None
        )
    )
