"""What wraps every HTTP server: traces, figures, health, and the last word on errors. Plain ASGI."""

import time

from fastapi import FastAPI
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from qipan.contracts.errors import Internal, NotFound, QipanError
from qipan.http import problems
from qipan.http.errors import MethodNotAllowed
from qipan.observability import metrics, tracing
from qipan.observability.health import OPS_PATHS, Health
from qipan.observability.logs import logger

log = logger(__name__)


class Answer(Response):
    """A model as JSON, written straight from pydantic; None fields are left out."""

    media_type = "application/json"

    def __init__(self, model: BaseModel, status: int = 200, headers: dict[str, str] | None = None) -> None:
        body = model.__pydantic_serializer__.to_json(model, exclude_none=True)
        super().__init__(body, status, headers)


class Observed:
    """Serves the three operations' paths, and watches over every other request.

    An endpoint may put `qipan.tenant` into the scope: the tenant (one that exists) that the figures name.
    """

    def __init__(self, app: ASGIApp, service: str, health: Health) -> None:
        self._app = app
        self._service = service
        self._health = health

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One ASGI connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if scope["path"] in OPS_PATHS:
            # checks may wait for a database that is away, and must not keep others waiting
            answer = await run_in_threadpool(self._health.answer, scope["path"])
            if answer is not None:
                status, content_type, body = answer
                await Response(body, status, media_type=content_type)(scope, receive, send)
                return
        await self._watched(scope, receive, send)

    async def _watched(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = time.perf_counter()
        status = 0

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                self._count(scope, status, time.perf_counter() - began)
            await send(message)

        with tracing.span(_header(scope, b"traceparent")):
            try:
                await self._app(scope, receive, sending)
            except ClientDisconnect:
                return
            except Exception:
                log.exception("request failed", path=scope["path"], method=scope["method"])
                if status:
                    raise
                answer = problems.response(Internal(), Request(scope))
                await answer(scope, receive, sending)

    def _count(self, scope: Scope, status: int, seconds: float) -> None:
        route = scope.get("route")
        method = f"{scope['method']} {route.path}" if route is not None else metrics.OTHER
        outcome = scope.get("qipan.outcome") or ("ok" if status < 400 else str(status))
        metrics.observe(self._service, method, outcome, scope.get("qipan.tenant", ""), seconds)


def serve(app: FastAPI, service: str, health: Health) -> None:
    """Put the watch around `app`, and let every refusal be a problem document."""
    app.add_middleware(Observed, service=service, health=health)
    app.add_exception_handler(QipanError, _refused)
    app.add_exception_handler(HTTPException, _unrouted)


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, QipanError)
    return problems.response(error, request)


async def _unrouted(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        answer = problems.response(MethodNotAllowed(), request)
        answer.headers["Allow"] = (error.headers or {}).get("Allow", "")
        return answer
    return problems.response(NotFound() if error.status_code == 404 else Internal(), request)


def _header(scope: Scope, name: bytes) -> str | None:
    for key, value in scope["headers"]:
        if key == name:
            return str(value, "latin-1")
    return None
