"""Intake's own HTTP door. `app` is what uvicorn serves; it is made when asked for, not at import."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from pydantic_core import from_json, to_json
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import Scope

from qipan.access import Principal, Verifier
from qipan.contracts.errors import Fault, Forbidden, Invalid, KeyReused, QipanError
from qipan.http import (
    Answer,
    MalformedJson,
    as_model,
    document,
    language_of,
    problems,
    read_body,
    read_json,
    serve,
)
from qipan.messaging.unguarded import PublishAfterCommit
from qipan.observability import metrics, tracing
from qipan.observability.health import Health
from qipan.settings import Settings, settings
from qipan.storage import Database
from qipan.tenancy import Clocks, load_district
from services.intake import imports, openapi
from services.intake.admission import NewReport
from services.intake.contacts import Contacts
from services.intake.devices.web import DEVICE_ROUTES, DeviceEndpoints
from services.intake.door import Door
from services.intake.forms import (
    LARGEST_BATCH,
    BatchLine,
    BatchVerdict,
    CommentAccepted,
    CommentForm,
    ComponentShown,
    ImportLine,
    ImportVerdict,
    LineVerdict,
    PublicStatus,
    RatingAccepted,
    RatingForm,
    Readings,
    ReadingsAccepted,
    ReopeningAccepted,
    ReopeningForm,
    ReportAccepted,
    ReportForm,
)
from services.intake.idempotency import key_of
from services.intake.importing import MEDIA_TYPES
from services.intake.imports import ImportLimits
from services.intake.open311.web import Open311
from services.intake.openapi import Described
from services.intake.outage import refusal_of
from services.intake.photo_names import PhotoNames
from services.intake.photo_setup import photos_by
from services.intake.photo_web import PHOTO_ROUTES, PhotoEndpoints
from services.intake.photos import Photos
from services.intake.sealing import Keyring
from services.intake.tracking import TrackingTokens
from services.intake.updates_web import STOP_PATH, UPDATES_ROUTES

LARGEST_BATCH_BODY = 2_000_000
"""Bytes; 200 long reports in Chinese."""


class NamedRoute(Route):
    """A plain route that names itself in the scope, as FastAPI's do: the figures show its path."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Starlette's answer, and the route."""
        match, child = super().matches(scope)
        return match, {**child, "route": self} if child else child


class Endpoints:
    """What each address does: read, let the door act, answer."""

    def __init__(self, door: Door, verifier: Verifier, limits: ImportLimits) -> None:
        self._door = door
        self._verifier = verifier
        self._limits = limits

    async def post_report(self, request: Request) -> Response:
        """Accept one report. `Idempotency-Key` makes a repeat return the first answer."""
        reporter = self._reporter(request)
        key, faults = key_of(request)
        try:
            form = await read_json(request, ReportForm)
        except Invalid as error:
            raise _joined(error, faults) from None
        if faults:
            raise Invalid(faults=faults)
        report = self._door.admit(form, key, reporter)
        [verdict] = await self._door.store([report], tracing.current())
        if isinstance(verdict, KeyReused):
            raise verdict
        request.scope["qipan.tenant"] = report.tenant
        return Answer(self._door.answer(verdict), 201)

    async def post_batch(self, request: Request) -> Response:
        """Accept up to 200 reports in one transaction, each with a verdict of its own."""
        reporter = self._reporter(request)
        lines = _lines_of(await read_body(request, LARGEST_BATCH_BODY))
        language = language_of(request)
        admitted: dict[int, NewReport] = {}
        refused: dict[int, QipanError] = {}
        for number, line in enumerate(lines):
            try:
                form = as_model(to_json(line), BatchLine, language)
                admitted[number] = self._door.admit(form, form.key, reporter)
            except QipanError as error:
                refused[number] = error
        results: dict[int, LineVerdict] = {}
        if admitted:
            verdicts = await self._door.store(list(admitted.values()), tracing.current())
            for number, verdict in zip(admitted, verdicts, strict=True):
                if isinstance(verdict, KeyReused):
                    refused[number] = verdict
                else:
                    results[number] = LineVerdict(line=number, status=201, report=self._door.answer(verdict))
        for number, refusal in refused.items():
            problem = document(refusal, language)
            results[number] = LineVerdict(line=number, status=refusal.status, problem=problem)
        ordered = tuple(results[number] for number in range(len(lines)))
        return Answer(BatchVerdict(accepted=len(lines) - len(refused), refused=len(refused), results=ordered))

    async def post_import(self, request: Request) -> Response:
        """Accept a file of reports, CSV or JSON lines, with a verdict for each row by its line."""
        return await imports.take(request, self._door, self._reporter(request), self._limits)

    async def post_readings(self, request: Request) -> Response:
        """Accept what a device measured; a reading sent again is counted as repeated."""
        device = self._reporter(request)
        readings = await read_json(request, Readings, LARGEST_BATCH_BODY)
        return Answer(await run_in_threadpool(self._door.observe, device, readings.root), 201)

    async def get_report(self, request: Request) -> Response:
        """A report's public status, for the holder of its tracking token."""
        report_id, token = _tracked(request)
        return Answer(await run_in_threadpool(self._door.status, report_id, token))

    async def post_comment(self, request: Request) -> Response:
        """Add something to a report. `Idempotency-Key` makes a repeat return the first answer."""
        report_id, token = _tracked(request)
        key, faults = key_of(request)
        try:
            form = await read_json(request, CommentForm)
        except Invalid as error:
            raise _joined(error, faults) from None
        if faults:
            raise Invalid(faults=faults)
        return Answer(await run_in_threadpool(self._door.comment, report_id, token, form, key), 201)

    async def get_component(self, request: Request) -> Response:
        """部件: what stands where, by the id on its plate."""
        return Answer(self._door.component(request.path_params["component_id"], self._reporter(request)))

    async def post_rating(self, request: Request) -> Response:
        """好差评: rate a closed report, once."""
        report_id, token = _tracked(request)
        form = await read_json(request, RatingForm)
        return Answer(await run_in_threadpool(self._door.rate, report_id, token, form), 201)

    async def post_reopening(self, request: Request) -> Response:
        """重开: have a closed case taken up again, within the town's window."""
        report_id, token = _tracked(request)
        form = await read_json(request, ReopeningForm)
        return Answer(await run_in_threadpool(self._door.reopen, report_id, token, form), 201)

    def _reporter(self, request: Request) -> Principal | None:
        """Who sends this, if they say so. Unauthenticated for a token that does not hold."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        reporter = self._verifier.verify(token.strip()) if scheme.lower() == "bearer" else None
        shadow = request.headers.get("qipan-shadow")
        if shadow is not None and (reporter is None or reporter.shadow != shadow):
            raise Forbidden(f"You take no part in the exercise {shadow[:40]!r}.")
        return reporter


OWN_ROUTES = (
    Described("POST", "/v1/reports", Endpoints.post_report, ReportForm, ReportAccepted, 201),
    Described("POST", "/v1/reports/batch", Endpoints.post_batch, list[BatchLine], BatchVerdict, 200),
    Described(
        "POST",
        "/v1/reports/import",
        Endpoints.post_import,
        ImportLine,
        ImportVerdict,
        200,
        takes=tuple(MEDIA_TYPES),
    ),
    Described("POST", "/v1/readings", Endpoints.post_readings, Readings, ReadingsAccepted, 201),
    Described("GET", "/v1/reports/{report_id}", Endpoints.get_report, None, PublicStatus, 200),
    Described(
        "POST", "/v1/reports/{report_id}/comments", Endpoints.post_comment, CommentForm, CommentAccepted, 201
    ),
    Described(
        "POST", "/v1/reports/{report_id}/rating", Endpoints.post_rating, RatingForm, RatingAccepted, 201
    ),
    Described(
        "POST",
        "/v1/reports/{report_id}/reopen",
        Endpoints.post_reopening,
        ReopeningForm,
        ReopeningAccepted,
        201,
    ),
    Described("GET", "/v1/components/{component_id}", Endpoints.get_component, None, ComponentShown, 200),
)

ROUTES = (*OWN_ROUTES, *DEVICE_ROUTES, *PHOTO_ROUTES, *UPDATES_ROUTES)


def create_app(
    door: Door,
    verifier: Verifier,
    health: Health,
    photos: Photos,
    names: PhotoNames,
    limits: ImportLimits = ImportLimits(),
    public_url: str = "",
) -> FastAPI:
    """The door's HTTP application; it closes `door` when the server stops."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        health.add_check("door", door.ready)
        yield
        await run_in_threadpool(of_photos.close)
        await run_in_threadpool(door.close)

    endpoints = Endpoints(door, verifier, limits)
    of_photos = PhotoEndpoints(door, photos, names)
    of_updates = door.updates(public_url)
    app = FastAPI(
        title="Qipan intake",
        version="1",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        routes=[
            *(
                NamedRoute(route.path, getattr(served, route.endpoint.__name__), methods=[route.method])
                for served, routes in (
                    (endpoints, OWN_ROUTES),
                    (DeviceEndpoints(door.alarms), DEVICE_ROUTES),
                    (of_photos, PHOTO_ROUTES),
                    (of_updates, UPDATES_ROUTES),
                )
                for route in routes
            ),
            NamedRoute(STOP_PATH, of_updates.get_stop, methods=["GET"]),
            NamedRoute(STOP_PATH, of_updates.post_stop, methods=["POST"]),
            *(
                NamedRoute(path, endpoint, methods=[method])
                for method, path, endpoint in Open311(door).routes()
            ),
        ],
    )
    serve(app, "door", health)
    app.add_exception_handler(DBAPIError, _database_failed)
    app.add_exception_handler(PoolTimeout, _database_failed)
    app.openapi_schema = openapi.document(ROUTES)
    return app


def open_door(chosen: Settings) -> FastAPI:
    """The application for these settings. ValueError or PackError when it cannot be."""
    if not chosen.door_secret:
        raise ValueError("QIPAN_DOOR_SECRET is not set; without it reporters could not follow their reports")
    keys = Keyring.parse(chosen.contact_keys)
    if not keys.newest:
        raise ValueError("QIPAN_CONTACT_KEYS is not set; without it names and numbers could not be encrypted")
    database = Database(
        chosen.database_url,
        schema="intake",
        clocks=Clocks.from_json(chosen.clocks),
        source="intake",
        outbox_limit=chosen.outbox_limit,
        instead_of_outbox=PublishAfterCommit(chosen.amqp_url) if chosen.unguarded == "no_outbox" else None,
    )
    pool: Any = database.engine.pool
    metrics.watch_pool("door", lambda: {"in_use": pool.checkedout(), "idle": pool.checkedin()})
    door = Door(
        load_district(chosen.district),
        database,
        TrackingTokens(chosen.door_secret),
        Contacts(keys),
        chosen.comments_per_hour,
    )
    names = PhotoNames(chosen.door_secret)
    photos = photos_by(chosen, database)
    limits = ImportLimits(chosen.import_bytes, chosen.import_rows)
    verifier = Verifier(chosen.verify_key)
    return create_app(door, verifier, Health("door"), photos, names, limits, chosen.public_url)


def __getattr__(name: str) -> FastAPI:
    """`app`, made when the server asks: what is wrong in a pack or a setting stops the server."""
    if name == "app":
        return open_door(settings())
    raise AttributeError(name)


def _joined(error: Invalid, more: tuple[Fault, ...]) -> Invalid:
    return Invalid(faults=(*more, *error.faults)) if more else error


def _lines_of(body: bytes) -> list[Any]:
    try:
        lines = from_json(body)
    except ValueError as error:
        raise MalformedJson(
            faults=(Fault(where="(body)", what=str(error), allowed="JSON, RFC 8259"),)
        ) from None
    if not isinstance(lines, list) or not 1 <= len(lines) <= LARGEST_BATCH:
        allowed = f"a list of 1 to {LARGEST_BATCH} reports"
        raise Invalid(faults=(Fault(where="(body)", what="is not a batch", allowed=allowed),))
    return lines


def _tracked(request: Request) -> tuple[str, str]:
    return request.path_params["report_id"], request.query_params.get("token", "")


async def _database_failed(request: Request, error: Exception) -> Response:
    return problems.response(refusal_of(error, request.url.path), request)
