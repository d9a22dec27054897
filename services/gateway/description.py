"""What the gateway says about itself: OpenAPI, from the same table as its routes."""

from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

from qipan.contracts.commands import CaseCommand
from qipan.contracts.figures import GetHotspots
from qipan.http import openapi
from services.gateway.export import ExportCases
from services.gateway.figures_out import ExportFigures
from services.gateway.forms import ChangePassword, Me, Session, SignIn
from services.gateway.offline import OfflineAnswers, OfflineBatch
from services.gateway.publishing import AskDone, AskReport
from services.gateway.routes import ROUTES, Route, body_model

TENANT = {
    "name": "tenant",
    "in": "query",
    "required": False,
    "description": "The tenant addressed; without it the signed-in person's own.",
    "schema": {"type": "string"},
}
_KEY = openapi.header_parameter(
    "Idempotency-Key", "Repeated with the same key, a command is carried out once and answered the same."
)
_MATCH = openapi.header_parameter(
    "If-Match", "The case's version as its ETag said; another one is a conflict."
)


def of_call(route: Route) -> dict[str, Any]:
    """What FastAPI is told about a route of the table."""
    model = body_model(route)
    parameters = [TENANT]
    if route.from_path is not None:
        parameters.insert(0, openapi.path_parameter(route.from_path))
    if route.method == "GET":
        parameters += openapi.query_parameters(model)
    else:
        parameters.append(_KEY)
    if issubclass(route.request, CaseCommand):
        parameters.append(_MATCH)
    return openapi.operation(
        route.request.__name__,
        (route.request.__doc__ or "").strip().splitlines()[0],
        answer=route.request.answer_model(),
        body=model if route.method == "POST" and model.model_fields else None,
        parameters=parameters,
    )


def document(app: FastAPI) -> dict[str, Any]:
    """The gateway's description; made once."""
    if app.openapi_schema is None:
        app.openapi_schema = _document(app)
    return app.openapi_schema


def _document(app: FastAPI) -> dict[str, Any]:
    models: list[type[BaseModel]] = [SignIn, Session, ChangePassword, Me, OfflineBatch, OfflineAnswers]
    for route in ROUTES:
        models += [body_model(route), route.request.answer_model()]
    return openapi.describe(app, models)


SIGN_IN = openapi.operation(
    "SignIn", "An account and its password for a token.", body=SignIn, answer=Session, signed_in=False
)
CHANGE_PASSWORD = openapi.operation(
    "ChangePassword", "Another password for one's own account.", body=ChangePassword, status=204
)
ME = openapi.operation("Me", "Who the token's bearer is.", answer=Me)
STREAM = openapi.operation(
    "Stream", "What happens to the cases one may see, as server-sent events.", parameters=[TENANT]
)
MESSAGE_STREAM = openapi.operation(
    "StreamMessages",
    "One's own new messages, as server-sent events.",
    parameters=[
        TENANT,
        openapi.header_parameter(
            "Last-Event-ID", "The id of the event after which to go on; without it, from now on."
        ),
    ],
)
OFFLINE = openapi.operation(
    "Offline",
    "What was done without signal, in order and once; every command with what became of it.",
    body=OfflineBatch,
    answer=OfflineAnswers,
    parameters=[TENANT],
)
EXPORT = openapi.operation(
    "ExportCases",
    "The cases that one may see and that match, as a CSV file or a workbook.",
    parameters=[TENANT, *openapi.query_parameters(ExportCases)],
)
FIGURES = openapi.operation(
    "ExportFigures",
    "Indicators by member and time, as a CSV file or, by cell, as GeoJSON.",
    parameters=[TENANT, *openapi.query_parameters(ExportFigures)],
)
HOTSPOTS = openapi.operation(
    "ExportHotspots",
    "Cells with more than usual and repeated places, as GeoJSON.",
    parameters=[TENANT, *openapi.query_parameters(GetHotspots)],
)
REPORT = openapi.operation(
    "Report",
    "The report of a period with its charts, in the language asked for, as a page or a PDF.",
    parameters=[TENANT, *openapi.query_parameters(AskReport)],
)
DONE = openapi.operation(
    "Done",
    "What citizens said lately and what was done about it, where the town shows it: for everybody, up to a minute old.",
    parameters=[TENANT, *openapi.query_parameters(AskDone)],
    signed_in=False,
)
