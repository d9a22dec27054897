"""Report traffic goes on to intake's door as it came: the gateway neither reads nor stores it."""

import httpx
from starlette.requests import Request
from starlette.responses import Response

from qipan.contracts.errors import Unavailable
from qipan.http import read_body
from qipan.observability import tracing

LARGEST_FORWARDED = 4_194_304
"""Bytes; the door has the last word on what it takes."""

AROUND_A_PHOTO = 65_536
"""Bytes of a form that are not its photo."""
PHOTOS = "/photos"

_THERE = (
    "content-type",
    "authorization",
    "idempotency-key",
    "accept",
    "accept-language",
    "x-device-key",
    "qipan-shadow",
)
_BACK = (
    "content-type",
    "content-language",
    "cache-control",
    "location",
    "retry-after",
    "www-authenticate",
    "allow",
    "content-disposition",
    "content-security-policy",
    "referrer-policy",
    "x-content-type-options",
)


class Door:
    """A client of intake's door at `url`."""

    def __init__(self, url: str, largest_photo: int = LARGEST_FORWARDED) -> None:
        self._largest_photo = largest_photo + AROUND_A_PHOTO
        self._http = httpx.AsyncClient(
            base_url=url,
            timeout=httpx.Timeout(15.0, connect=2.0),
            limits=httpx.Limits(max_connections=100, max_keepalive_connections=100),
            trust_env=False,
        )

    async def forward(self, request: Request) -> Response:
        """The door's own answer to this request; Unavailable when it cannot be reached."""
        headers = {name: request.headers[name] for name in _THERE if name in request.headers}
        headers["traceparent"] = tracing.child(tracing.current())
        headers["x-forwarded-for"] = request.client.host if request.client else "unknown"
        photo = request.url.path.endswith(PHOTOS)
        body = await read_body(request, self._largest_photo if photo else LARGEST_FORWARDED)
        url = httpx.URL(path=request.url.path, query=request.scope["query_string"])
        try:
            answer = await self._http.request(request.method, url, content=body, headers=headers)
        except httpx.TransportError as error:
            raise Unavailable("Intake's door cannot be reached at the moment.") from error
        back = {name: answer.headers[name] for name in _BACK if name in answer.headers}
        return Response(answer.content, answer.status_code, back)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()
