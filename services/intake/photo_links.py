"""Links to a report's photos, for those who may see its case."""

import time
from datetime import UTC, datetime

from qipan.access import Grant
from qipan.contracts.errors import NotFound, Unavailable
from qipan.contracts.queries import PhotoLink, ReportPhotos
from qipan.storage import Work
from services.intake import parties, store
from services.intake.additions import photos_of_case
from services.intake.photo_names import TICKET_SECONDS, PhotoNames

MOST = 500
"""Photos shown of one case, the oldest first: where hundreds report the same thing, that is enough to see it."""


def linked_photos(
    work: Work, names: PhotoNames | None, tenant: str, report_id: str, grant: Grant
) -> ReportPhotos:
    """The report's photos and those of the reports joined to it, each with a link that holds for a while.

    A report that was joined to another has that one's case, and shows its own photos to whoever sees the case.
    NotFound when there is no such report, Forbidden when its case is not the asker's to see: another unit's,
    or in another cell. Before there is a case only those see them whose right covers the whole tenant. Who
    supports the case, took it over or is asked to, sees them as well; the latter ask in their own tenant.
    """
    row = store.report(work.conn, tenant, report_id)
    if row is None and (arose := parties.arose_in(work.conn, tenant, report_id)) is not None:
        tenant = arose
        row = store.report(work.conn, tenant, report_id)
    if row is None:
        raise NotFound(f"There is no report {report_id!r}.")
    original = store.report(work.conn, tenant, row.merged_into) if row.merged_into else None
    judged = original or row
    if not parties.allows(grant, parties.of_report(work.conn, tenant, judged.report_id)):
        cells = tuple((judged.cells or {}).values())
        grant.require(tenant=tenant, unit=judged.unit, department=judged.department, cells=cells)
    found = photos_of_case(work.conn, tenant, report_id, MOST)
    if found and names is None:
        raise Unavailable("Photos cannot be opened here: QIPAN_DOOR_SECRET is not set.")
    until = int(time.time()) + TICKET_SECONDS
    return ReportPhotos(
        photos=tuple(
            PhotoLink(
                photo_id=photo.photo_id,
                report_id=photo.report_id,
                media_type=photo.media_type,
                width=photo.width,
                height=photo.height,
                bytes=photo.bytes,
                added_at=photo.at,
                link=f"/v1/reports/{photo.report_id}/photos/{photo.photo_id}"
                f"?ticket={names.ticket(tenant, photo.report_id, photo.photo_id, until)}",
                until=datetime.fromtimestamp(until, UTC),
            )
            for photo in found
            if names is not None
        )
    )
