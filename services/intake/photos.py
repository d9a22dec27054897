"""Photos of reports: made anew, kept in a file, then known by a row; so no row is without its file."""

from typing import Any

from sqlalchemy import Connection, Row, func, select
from sqlalchemy.dialects.postgresql import insert

from qipan.contracts.errors import Fault, Invalid, NotFound, Unavailable
from qipan.observability.logs import logger
from qipan.storage import Database
from services.intake import store
from services.intake.additions import photo_of
from services.intake.photo_files import PhotoFiles
from services.intake.photo_header import Kind
from services.intake.photo_image import CleanPhoto, PhotoLimits, clean
from services.intake.photo_names import Named, PhotoNames, is_name, named_by, path_of
from services.intake.tables import photos

log = logger(__name__)

SWEPT_AFTER_SECONDS = 3600.0
"""A file may wait that long for its row before it counts as left behind."""


class Photos:
    """Takes photos in, gives them out, and sweeps up files that no row knows."""

    def __init__(
        self, database: Database, files: PhotoFiles, names: PhotoNames, limits: PhotoLimits, most: int
    ) -> None:
        self._database = database
        self._files = files
        self._names = names
        self._most = most
        self.limits = limits

    def add(self, tenant: str, report_id: str, content: bytes) -> Row[Any]:
        """Keep a photo of a report; the same one again is the same row.

        NotFound when there is no such report; Invalid, with every fault, when the photo or one more of them is
        not taken; Unavailable while the place for photos is away.
        """
        with self._database.begin() as work:
            if store.report(work.conn, tenant, report_id) is None:
                raise NotFound
            full = self._full(work.conn, tenant, report_id)
        try:
            photo = clean(content, self.limits)
        except Invalid as error:
            raise Invalid(error.detail, faults=(*full, *error.faults)) from error
        name = self._names.name(tenant, photo.content)
        if full:
            with self._database.begin() as work:
                known = photo_of(work.conn, tenant, report_id, name)
            if known is None:
                raise Invalid("The photo cannot be taken.", faults=full)
            return known
        try:
            self._files.keep(path_of(tenant, name, photo.kind), photo.content)
        except OSError as error:
            log.error("a photo could not be kept", tenant=tenant, report_id=report_id, error=repr(error))
            raise Unavailable("Photos cannot be kept at the moment; send it again shortly.") from error
        return self._know(tenant, report_id, name, photo)

    def content(self, tenant: str, report_id: str, name: str) -> tuple[Kind, bytes]:
        """A photo of this report; NotFound when it has none of that name."""
        row = None
        if is_name(name):
            with self._database.begin() as work:
                row = photo_of(work.conn, tenant, report_id, name)
        if row is None:
            raise NotFound("The report has no such photo.")
        kind = Kind(row.media_type)
        try:
            content = self._files.read(path_of(tenant, name, kind))
        except OSError as error:
            log.error("a photo could not be read", tenant=tenant, report_id=report_id, error=repr(error))
            raise Unavailable("Photos cannot be shown at the moment; try again shortly.") from error
        if content is None:
            raise NotFound("The photo's file is not there; tell an operator.")
        return kind, content

    def sweep(self) -> int:
        """Delete files that have waited long enough and that no row knows; returns how many."""
        swept = 0
        for path in self._files.older_than(SWEPT_AFTER_SECONDS):
            named = named_by(path)
            if named is None or self._is_known(named):
                continue
            # Sent again in the meantime, the file is young again and its row is on the way.
            if self._files.is_older_than(path, SWEPT_AFTER_SECONDS):
                self._files.remove(path)
                swept += 1
        return swept

    def _is_known(self, named: Named) -> bool:
        if not named.whole:
            return False
        query = select(photos.c.photo_id).where(
            photos.c.tenant == named.tenant, photos.c.photo_id == named.name
        )
        with self._database.begin() as work:
            return work.conn.execute(query.limit(1)).first() is not None

    def _full(self, conn: Connection, tenant: str, report_id: str) -> tuple[Fault, ...]:
        count = conn.execute(
            select(func.count()).where(photos.c.tenant == tenant, photos.c.report_id == report_id)
        ).scalar_one()
        if count < self._most:
            return ()
        return (Fault(where="report_id", what=f"has {count} photos", allowed=f"≤ {self._most}"),)

    def _know(self, tenant: str, report_id: str, name: str, photo: CleanPhoto) -> Row[Any]:
        with self._database.begin() as work:
            # Locked: of many photos sent at once no more are kept than may be.
            if store.report(work.conn, tenant, report_id, lock=True) is None:
                raise NotFound
            known = photo_of(work.conn, tenant, report_id, name)
            if known is not None:
                return known
            if full := self._full(work.conn, tenant, report_id):
                raise Invalid("The photo cannot be taken.", faults=full)
            row = {
                "tenant": tenant,
                "report_id": report_id,
                "photo_id": name,
                "media_type": photo.kind,
                "bytes": len(photo.content),
                "width": photo.width,
                "height": photo.height,
                "at": work.now(tenant),
            }
            return work.conn.execute(insert(photos).values(row).returning(photos)).one()
