"""The gateway's addresses. Each reads, asks, answers; no rule of the domain lives here."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeVar

from fastapi import FastAPI
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from qipan import __version__
from qipan.access import Principal, authorise
from qipan.access.policy import STREAM
from qipan.contracts.base import Part
from qipan.contracts.errors import Fault, NotFound, UnknownTenant
from qipan.contracts.figures import DoneList, GetHotspots
from qipan.contracts.queries import ListMessages
from qipan.http import Answer, as_query, language_of, read_json, serve
from qipan.observability.health import Health
from services.gateway import description
from services.gateway.calls import bearer, endpoint, last_event, tenant_of
from services.gateway.export import ExportCases, Exporter
from services.gateway.figures_out import ExportFigures
from services.gateway.forms import ChangePassword, Me, Session, SignIn
from services.gateway.kept import Kept
from services.gateway.offline import LARGEST_BATCH, GivenBatch, bring_in
from services.gateway.parts import Parts
from services.gateway.publishing import SHOWN_SECONDS, AskDone, AskReport, Publishing
from services.gateway.routes import DOOR_ROUTES, ROUTES
from services.gateway.sheet import Sheet
from services.gateway.streaming import happenings, messages

SERVICE = "gateway"
PING_SECONDS = 15

Asked = TypeVar("Asked", bound=Part)
Handler = Callable[[Request], Awaitable[Response]]
Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


def create_app(parts: Callable[[], Parts], health: Health, lifespan: Lifespan | None = None) -> FastAPI:
    """The application. `parts` is asked at each request: they are made when the server starts."""
    app = FastAPI(
        title="Qipan gateway",
        version=__version__,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
    )
    own = _Own(parts)
    # Before the cases themselves, of which one might be called so.
    app.add_api_route("/v1/cases/export", own.export, methods=["GET"], **description.EXPORT)
    for path, serve_it, described in own.published():
        app.add_api_route(path, serve_it, methods=["GET"], **described)
    for route in ROUTES:
        app.add_api_route(
            route.path, endpoint(route, parts), methods=[route.method], **description.of_call(route)
        )
    for method, path in DOOR_ROUTES:
        app.add_api_route(path, own.forward, methods=[method], include_in_schema=False)
    app.add_api_route("/v1/session", own.sign_in, methods=["POST"], **description.SIGN_IN)
    app.add_api_route("/v1/password", own.change_password, methods=["POST"], **description.CHANGE_PASSWORD)
    app.add_api_route("/v1/me", own.me, methods=["GET"], **description.ME)
    app.add_api_route("/v1/stream", own.stream, methods=["GET"], **description.STREAM)
    app.add_api_route(
        "/v1/messages/stream", own.stream_messages, methods=["GET"], **description.MESSAGE_STREAM
    )
    app.add_api_route("/v1/offline", own.offline, methods=["POST"], **description.OFFLINE)
    app.openapi = lambda: description.document(app)  # type: ignore[method-assign]
    serve(app, SERVICE, health)
    return app


class _Own:
    """The addresses that are not calls."""

    def __init__(self, parts: Callable[[], Parts]) -> None:
        self._parts = parts
        self._done: Kept[DoneList] = Kept(SHOWN_SECONDS)

    async def sign_in(self, request: Request) -> Response:
        """An account and its password for a token."""
        parts = self._parts()
        form = await read_json(request, SignIn)
        principal, token = await run_in_threadpool(
            parts.sessions.open, form.account, form.password, _address(request)
        )
        request.scope["qipan.tenant"] = principal.tenant
        answer = Session(token=token, me=_me(parts, principal))
        return Answer(answer, headers={"Cache-Control": "no-store"})

    async def change_password(self, request: Request) -> Response:
        """Another password for the signed-in person's account."""
        parts = self._parts()
        principal = parts.verifier.verify(bearer(request))
        form = await read_json(request, ChangePassword)
        request.scope["qipan.tenant"] = principal.tenant
        await run_in_threadpool(
            parts.sessions.change_password,
            principal.sub,
            form.password,
            form.new_password,
            _address(request),
        )
        return Response(status_code=204)

    async def me(self, request: Request) -> Response:
        """Who the token's bearer is."""
        parts = self._parts()
        principal = parts.verifier.verify(bearer(request))
        request.scope["qipan.tenant"] = principal.tenant
        return Answer(_me(parts, principal))

    async def forward(self, request: Request) -> Response:
        """Report traffic, on to intake's door."""
        return await self._parts().door.forward(request)

    async def offline(self, request: Request) -> Response:
        """What was done without signal."""
        parts = self._parts()
        token = bearer(request)
        principal = parts.verifier.verify(token)
        tenant = tenant_of(request, principal, parts.district)
        request.scope["qipan.tenant"] = tenant
        batch = await read_json(request, GivenBatch, LARGEST_BATCH)
        answers = await bring_in(batch, parts.caller, tenant, token, language_of(request))
        return Answer(answers, headers={"Cache-Control": "no-store"})

    async def export(self, request: Request) -> Response:
        """The cases that match, as a file."""
        parts = self._parts()
        token = bearer(request)
        principal = parts.verifier.verify(token)
        tenant = tenant_of(request, principal, parts.district)
        request.scope["qipan.tenant"] = tenant
        asked = as_query(request, ExportCases, known=("tenant",))
        sheet = Sheet(parts.district, language_of(request))
        return await Exporter(parts.caller, tenant, token, sheet).response(asked)

    def published(self) -> tuple[tuple[str, Handler, dict[str, Any]], ...]:
        """The addresses at which figures are read as files and pages."""
        return (
            ("/v1/figures/export", self._given(ExportFigures, Publishing.figures), description.FIGURES),
            ("/v1/hotspots/export", self._given(GetHotspots, Publishing.hotspots), description.HOTSPOTS),
            ("/v1/report", self._given(AskReport, Publishing.report), description.REPORT),
            ("/public/done", self.done, description.DONE),
        )

    def _given(
        self, model: type[Asked], answer: Callable[[Publishing, Asked], Awaitable[Response]]
    ) -> Handler:
        async def serve_it(request: Request) -> Response:
            parts = self._parts()
            token = bearer(request)
            principal = parts.verifier.verify(token)
            tenant = tenant_of(request, principal, parts.district)
            request.scope["qipan.tenant"] = tenant
            asked = as_query(request, model, known=("tenant",))
            return await answer(Publishing(parts, tenant, token, language_of(request)), asked)

        return serve_it

    async def done(self, request: Request) -> Response:
        """What citizens said and what was done, for everybody; the district's without a tenant."""
        parts = self._parts()
        wanted = request.query_params.get("tenant") or parts.district.id
        try:
            found = parts.district.tenant(wanted)
            if found.shadow is not None:
                raise NotFound
        except NotFound:
            fault = Fault(where="tenant", what=f"there is no tenant {wanted!r}", allowed="a tenant's id")
            raise UnknownTenant(faults=(fault,)) from None
        asked = as_query(request, AskDone, known=("tenant",))
        return await Publishing(parts, found.id, None, language_of(request)).done(asked, self._done)

    async def stream(self, request: Request) -> Response:
        """What happens to the cases that the bearer may see, as it happens (server-sent events)."""
        parts = self._parts()
        principal = parts.verifier.verify(bearer(request))
        tenant = tenant_of(request, principal, parts.district)
        request.scope["qipan.tenant"] = tenant
        watcher = parts.live.join(tenant, authorise(principal, STREAM, tenant, parts.district))

        async def told() -> AsyncIterator[ServerSentEvent]:
            try:
                async for event in happenings(watcher, principal.exp):
                    yield event
            finally:
                parts.live.leave(watcher)

        return EventSourceResponse(told(), ping=PING_SECONDS)

    async def stream_messages(self, request: Request) -> Response:
        """The bearer's own new messages, as they come (server-sent events)."""
        parts = self._parts()
        principal = parts.verifier.verify(bearer(request))
        tenant = tenant_of(request, principal, parts.district)
        request.scope["qipan.tenant"] = tenant
        authorise(principal, ListMessages.type, tenant, parts.district).require(owner=principal.sub)
        reader = parts.inbox.join(tenant, principal.sub, last_event(request))

        async def told() -> AsyncIterator[ServerSentEvent]:
            try:
                async for event in messages(parts.inbox, reader, principal.exp):
                    yield event
            finally:
                parts.inbox.leave(reader)

        return EventSourceResponse(told(), ping=PING_SECONDS)


def _me(parts: Parts, principal: Principal) -> Me:
    name = parts.district.tenant(principal.tenant).name
    return Me(
        account=principal.sub,
        name=principal.name,
        tenant=principal.tenant,
        tenant_name={"zh": name.zh, "en": name.en},
        roles=tuple(sorted(principal.roles)),
        units=tuple(sorted(principal.units)),
        cells=tuple(sorted(principal.cells)),
        expires=int(principal.exp),
    )


def _address(request: Request) -> str:
    return request.client.host if request.client else "unknown"
