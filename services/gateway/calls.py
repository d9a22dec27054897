"""From an HTTP request to a call and back: who asks, of which tenant, with which id, and what comes of it."""

import asyncio
from collections.abc import Awaitable, Callable

from pydantic import TypeAdapter, ValidationError
from starlette.requests import Request as HttpRequest
from starlette.responses import Response

from qipan.access import Principal
from qipan.contracts.commands import CaseAnswer, CaseCommand
from qipan.contracts.errors import Fault, Invalid, NotFound, UnknownTenant
from qipan.contracts.news import Mark
from qipan.http import Answer, as_query, read_json
from qipan.ids import derived_id, new_id
from qipan.tenancy import District
from services.gateway.parts import Parts
from services.gateway.routes import Route, body_model

CALL_SECONDS = 8.0
LONGEST_KEY = 128
_MARK: TypeAdapter[str] = TypeAdapter(Mark)

Endpoint = Callable[[HttpRequest], Awaitable[Response]]


def bearer(request: HttpRequest) -> str | None:
    """The token that the request bears, if any."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def tenant_of(request: HttpRequest, principal: Principal, district: District) -> str:
    """The tenant addressed: the query's `tenant`, else the principal's own; UnknownTenant."""
    tenant = request.query_params.get("tenant") or principal.tenant
    try:
        return district.tenant(tenant).id
    except NotFound:
        fault = Fault(where="tenant", what=f"there is no tenant {tenant!r}", allowed="a tenant's id")
        raise UnknownTenant(faults=(fault,)) from None


def command_id(request: HttpRequest, principal: Principal, tenant: str) -> str:
    """The command's id: from the Idempotency-Key, within (person, tenant); a fresh one without a key."""
    key = request.headers.get("idempotency-key")
    if key is None:
        return new_id()
    if not 0 < len(key) <= LONGEST_KEY or not key.isascii() or not key.isprintable():
        fault = Fault(
            where="Idempotency-Key", what="does not have the right form", allowed="1–128 ASCII characters"
        )
        raise Invalid(faults=(fault,))
    return derived_id("command", principal.sub, tenant, key)


def expected_version(request: HttpRequest) -> int | None:
    """The case's version that `If-Match` names (`"7"`, as the ETag said); None without the header."""
    wanted = request.headers.get("if-match")
    if wanted is None:
        return None
    version = wanted.strip().removeprefix("W/").strip('"')
    if not version.isascii() or not version.isdigit() or len(version) > 9:
        raise Invalid(faults=(Fault(where="If-Match", what="is not a version", allowed='the ETag, as "7"'),))
    return int(version)


def last_event(request: HttpRequest) -> str | None:
    """The mark of the message that a stream's reader had last (`Last-Event-ID`); None from now on."""
    given = request.headers.get("last-event-id")
    if not given:
        return None
    try:
        return _MARK.validate_python(given)
    except ValidationError:
        fault = Fault(
            where="Last-Event-ID", what="is no event's id", allowed="the id of an event of the stream"
        )
        raise Invalid(faults=(fault,)) from None


def endpoint(route: Route, parts: Callable[[], Parts]) -> Endpoint:
    """What serves `route`: read strictly, call, answer. The service that acts decides about rights."""
    model = body_model(route)
    versioned = issubclass(route.request, CaseCommand)

    async def serve(request: HttpRequest) -> Response:
        mine = parts()
        token = bearer(request)
        principal = mine.verifier.verify(token)
        tenant = tenant_of(request, principal, mine.district)
        request.scope["qipan.tenant"] = tenant
        if route.method == "GET":
            given = as_query(request, model, known=("tenant",))
            id = None
        else:
            given = await read_json(request, model)
            id = command_id(request, principal, tenant)
        fields = {name: getattr(given, name) for name in given.model_fields_set}
        if route.from_path is not None:
            fields[route.from_path] = _named(request.path_params[route.from_path])
        if versioned:
            fields["expected_version"] = expected_version(request)
        call = route.request(**fields)
        answer = await asyncio.wrap_future(
            mine.caller.submit(call, tenant=tenant, principal=token, timeout=CALL_SECONDS, id=id)
        )
        headers = {"Cache-Control": "no-store"}
        if isinstance(answer, CaseAnswer):
            headers["ETag"] = f'"{answer.case.version}"'
        return Answer(answer, headers=headers)

    serve.__name__ = route.request.__name__
    serve.__doc__ = route.request.__doc__
    return serve


def _named(text: str) -> str:
    """An id from a path. Nothing has a name with control characters, or one longer than contracts allow."""
    if not text.isprintable() or len(text) > LONGEST_KEY:
        raise NotFound()
    return text
