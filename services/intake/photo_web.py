"""Photos at the door: the reporter adds and sees them; others see them by a link that holds for a while."""

import asyncio
import functools
import time
from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor

from python_multipart.exceptions import MultipartParseError
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request
from starlette.responses import Response

from qipan.contracts.errors import Fault, Invalid, NotFound, Unavailable
from qipan.http import Answer, read_body
from services.intake.door import Door
from services.intake.forms import PhotoAdded
from services.intake.openapi import Described
from services.intake.photo_header import Kind
from services.intake.photo_names import PhotoNames
from services.intake.photo_shown import photo_added
from services.intake.photos import Photos

DRAWN_AT_ONCE = 2
"""A large photo takes some hundred megabytes while it is drawn."""
WAITING = 16
"""Photos in hand at once, drawn or waiting for it; beyond that the sender is asked to try again."""
MULTIPART = "multipart/form-data"
PART = "photo"
_AROUND = 16_384
"""Bytes that a multipart body may have around its photo."""

_HEADERS = {
    "Cache-Control": "private, no-store",
    "Content-Disposition": "inline",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class PhotoEndpoints:
    """What each address of photos does."""

    def __init__(self, door: Door, photos: Photos, names: PhotoNames) -> None:
        self._door = door
        self._photos = photos
        self._names = names
        self._pool = ThreadPoolExecutor(DRAWN_AT_ONCE, thread_name_prefix="photos")
        self._in_hand = 0

    def close(self) -> None:
        """Finish what is being drawn."""
        self._pool.shutdown()

    async def post_photo(self, request: Request) -> Response:
        """Add a photo to a report: JPEG, PNG or WebP, as the body or as the part `photo` of a form."""
        report_id = request.path_params["report_id"]
        token = request.query_params.get("token", "")
        tenant = self._door.opened(report_id, token)
        request.scope["qipan.tenant"] = tenant
        if self._in_hand >= WAITING:
            raise Unavailable("Too many photos are being taken in; send it again shortly.")
        self._in_hand += 1
        try:
            content = await _sent(request, self._photos.limits.bytes)
            add = functools.partial(self._photos.add, tenant, report_id, content)
            row = await asyncio.get_running_loop().run_in_executor(self._pool, add)
        finally:
            self._in_hand -= 1
        return Answer(photo_added(row, token), 201)

    async def get_photo(self, request: Request) -> Response:
        """A photo, for the holder of the report's tracking token or of a ticket that holds for a while."""
        report_id, photo_id = request.path_params["report_id"], request.path_params["photo_id"]
        ticket = request.query_params.get("ticket")
        if ticket is None:
            tenant = self._door.opened(report_id, request.query_params.get("token", ""))
        else:
            found = self._names.tenant_of(ticket, report_id, photo_id, time.time())
            if found is None:
                raise NotFound("There is no such photo, or the link to it holds no longer.")
            tenant = found
        kind, content = await run_in_threadpool(self._photos.content, tenant, report_id, photo_id)
        return Response(content, 200, _HEADERS, media_type=kind)


PHOTO_ROUTES = (
    Described(
        "POST",
        "/v1/reports/{report_id}/photos",
        PhotoEndpoints.post_photo,
        None,
        PhotoAdded,
        201,
        takes=(*Kind, MULTIPART),
    ),
    Described(
        "GET",
        "/v1/reports/{report_id}/photos/{photo_id}",
        PhotoEndpoints.get_photo,
        None,
        None,
        200,
        gives=tuple(Kind),
    ),
)


async def _sent(request: Request, limit: int) -> bytes:
    """The photo's bytes as they were sent: the body itself, or the one file of a form."""
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media != MULTIPART:
        return await read_body(request, limit)
    body = await read_body(request, limit + _AROUND)
    parser = MultiPartParser(request.headers, _once(body), max_files=2, max_fields=2)
    parser.spool_max_size = (
        limit + _AROUND
    )  # a photo as it was sent, with its place in it, never touches a disk
    try:
        form = await parser.parse()
    except (MultiPartException, MultipartParseError) as error:
        fault = Fault(where="(body)", what=str(error) or "is not a form", allowed=MULTIPART)
        raise Invalid(faults=(fault,)) from None
    try:
        return await _file_of(form)
    finally:
        await form.close()


async def _file_of(form: FormData) -> bytes:
    faults = [Fault(where=name, what="is not a known field", allowed=PART) for name in form if name != PART]
    files = form.getlist(PART)
    if len(files) != 1 or not isinstance(files[0], UploadFile):
        faults.append(Fault(where=PART, what="must be one file", allowed="one photo a request"))
    if faults or not isinstance(files[0], UploadFile):
        raise Invalid(faults=tuple(faults))
    return await files[0].read()


async def _once(body: bytes) -> AsyncGenerator[bytes, None]:
    yield body
