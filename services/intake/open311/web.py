"""Open311's addresses: read, let the desk or the door act, answer in the format asked for."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol
from urllib.parse import parse_qsl

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from qipan.access import Principal
from qipan.contracts.errors import Internal, KeyReused, QipanError, Unavailable
from qipan.http import language_of, read_body
from qipan.http.problems import RETRY_AFTER_SECONDS
from qipan.observability import logs, tracing
from services.intake.accept import Verdict
from services.intake.admission import NewReport
from services.intake.forms import ReportForm
from services.intake.idempotency import key_of
from services.intake.open311.desk import Desk
from services.intake.open311.discovery import PREFIX
from services.intake.open311.filters import grouped
from services.intake.open311.jurisdiction import Params, first
from services.intake.open311.refusals import BAD_REQUEST, NOT_THERE, Refused, of_error, trouble
from services.intake.open311.rendering import MEDIA_TYPES, Document, Format, rendered
from services.intake.open311.rows import NewRequest
from services.intake.outage import refusal_of

FORM = "application/x-www-form-urlencoded"
MOST_FIELDS = 200

Endpoint = Callable[[Request], Awaitable[Response]]
Answering = Callable[[Request, str], Awaitable[Document]]


class DoorLike(Protocol):
    """What Open311 asks of the door."""

    open311: Desk

    def admit(self, form: ReportForm, key: str | None, reporter: Principal | None) -> NewReport: ...

    async def store(
        self, reports: Sequence[NewReport], traceparent: str | None, requests: Sequence[NewRequest] = ()
    ) -> tuple[Verdict, ...]: ...


class Open311:
    """What each of Open311's addresses does."""

    def __init__(self, door: DoorLike) -> None:
        self._door = door
        self._desk = door.open311

    def routes(self) -> list[tuple[str, str, Endpoint]]:
        """Method, path and endpoint of each address; the last one takes whatever is none of them."""
        return [
            *(
                (method, PREFIX + path, _in_format(getattr(self, endpoint.__name__)))
                for method, path, endpoint in ADDRESSES
            ),
            ("GET", PREFIX + "/{rest:path}", _in_format(_nothing)),
            ("POST", PREFIX + "/{rest:path}", _in_format(_nothing)),
        ]

    async def get_discovery(self, request: Request, _language: str) -> Document:
        """Which Open311 endpoint there is, and whom to ask."""
        return await run_in_threadpool(self._desk.discovery, str(request.base_url))

    async def get_services(self, request: Request, language: str) -> Document:
        """A town's service types: its matters."""
        return await run_in_threadpool(self._desk.services, _params(request), language)

    async def get_definition(self, request: Request, language: str) -> Document:
        """What a reporter of one service type is asked."""
        code = request.path_params["service_code"]
        return await run_in_threadpool(self._desk.definition, code, _params(request), language)

    async def post_request(self, request: Request, language: str) -> Document:
        """Accept one service request, with an API key; `Idempotency-Key` makes a repeat harmless."""
        params = _params(request)
        form = await _form(request)
        repeat = _idempotency_key(request)
        key = first(form, "api_key") or first(params, "api_key")
        asked, client = await run_in_threadpool(self._desk.read, form, key)
        report = self._door.admit(asked.form, repeat, client)
        beside = self._desk.beside(asked, report)
        [verdict] = await self._door.store([report], tracing.current(), [beside])
        if isinstance(verdict, KeyReused):
            raise verdict
        request.scope["qipan.tenant"] = report.tenant
        return self._desk.created(asked, verdict, language)

    async def get_requests(self, request: Request, language: str) -> Document:
        """Service requests by id, type, status and time, newest first."""
        return await run_in_threadpool(self._desk.requests, _params(request), language)

    async def get_request(self, request: Request, language: str) -> Document:
        """One service request."""
        id = request.path_params["service_request_id"]
        return await run_in_threadpool(self._desk.request, id, _params(request), language)

    async def get_token(self, request: Request, _language: str) -> Document:
        """The id that a token stands for."""
        token = request.path_params["token"]
        return await run_in_threadpool(self._desk.token, token, _params(request))

    async def get_updates(self, request: Request, language: str) -> Document:
        """What happened to service requests, oldest first."""
        return await run_in_threadpool(self._desk.updates, _params(request), language)


ADDRESSES: tuple[tuple[str, str, Callable[..., Awaitable[Document]]], ...] = (
    ("GET", "/discovery.{format}", Open311.get_discovery),
    ("GET", "/services.{format}", Open311.get_services),
    ("GET", "/services/{service_code}.{format}", Open311.get_definition),
    ("POST", "/requests.{format}", Open311.post_request),
    ("GET", "/requests.{format}", Open311.get_requests),
    ("GET", "/requests/{service_request_id}.{format}", Open311.get_request),
    ("GET", "/tokens/{token}.{format}", Open311.get_token),
    ("GET", "/servicerequestupdates.{format}", Open311.get_updates),
)


def _in_format(answering: Answering) -> Endpoint:
    """The endpoint that gives `answering`'s document, or what is wrong, in the format of the address."""

    async def endpoint(request: Request) -> Response:
        language = language_of(request)
        named = request.path_params.get("format", Format.XML)
        # XML is the format that every client must know, and so the one in which others are refused.
        format = Format(named) if named in set(Format) else Format.XML
        try:
            if named != format:
                raise _no_resource(request)
            document, status = await answering(request, language), 200
            body = await run_in_threadpool(rendered, document, format)
        except ClientDisconnect:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it was, the client reads its own format only
            refused = _refused(error, request)
            body, status = rendered(_errors(refused, language), format), refused.status
            request.scope["qipan.outcome"] = f"open311-{status}"
        headers = {"Content-Language": language, "Vary": "Accept-Language", "Cache-Control": "no-store"}
        if status == Unavailable.status:
            headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
        return Response(body, status, headers, media_type=f"{MEDIA_TYPES[format]}; charset=utf-8")

    return endpoint


async def _nothing(request: Request, _language: str) -> Document:
    raise _no_resource(request)


def _no_resource(request: Request) -> Refused:
    path = request.url.path[:100]
    known = ", ".join(f"{method} {address}" for method, address, _ in ADDRESSES)
    return Refused(
        [
            trouble(
                f"没有 {request.method} {path}（可用：{known}，format 为 xml 或 json）",
                f"there is no {request.method} {path} (allowed: {known}, where format is xml or json)",
                NOT_THERE,
            )
        ]
    )


def _refused(error: Exception, request: Request) -> Refused:
    if isinstance(error, Refused):
        return error
    if isinstance(error, DBAPIError | PoolTimeout):
        error = refusal_of(error, request.url.path)
    if not isinstance(error, QipanError):
        logs.logger(__name__).error("request failed", path=request.url.path, exc_info=error)
        error = Internal()
    return of_error(error)


def _errors(refused: Refused, language: str) -> Document:
    return Document(
        "errors",
        [{"code": one.code, "description": one.words.in_language(language)} for one in refused.troubles],
    )


def _params(request: Request) -> Params:
    return _without_nul(grouped(request.query_params.multi_items()))


async def _form(request: Request) -> Params:
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = await read_body(request)
    if body and media != FORM:
        raise Refused(
            [
                trouble(
                    f"Content-Type：应为 {FORM}，收到 {media[:60]!r}",
                    f"Content-Type: must be {FORM}, not {media[:60]!r}",
                )
            ]
        )
    try:
        pairs = parse_qsl(
            body.decode("utf-8"), keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS
        )
    except UnicodeDecodeError:
        raise Refused([trouble("请求体不是 UTF-8 文字", "the body is not UTF-8 text")]) from None
    except ValueError:
        raise Refused(
            [trouble(f"最多 {MOST_FIELDS} 个参数", f"there may be {MOST_FIELDS} arguments at most")]
        ) from None
    return _without_nul(grouped(pairs))


def _without_nul(params: Mapping[str, Sequence[str]]) -> Params:
    """PostgreSQL cannot store NUL."""
    wrong = [name for name, values in params.items() if any("\x00" in value for value in (name, *values))]
    if wrong:
        raise Refused(
            trouble(
                f"{name[:60]!r}：含有不允许的 NUL 字符",
                f"{name[:60]!r}: contains the NUL character, which is not allowed",
                BAD_REQUEST,
            )
            for name in wrong
        )
    return params


def _idempotency_key(request: Request) -> str | None:
    key, faults = key_of(request)
    if faults:
        raise Refused(
            trouble(
                f"{fault.where}：格式不对（{fault.allowed}）",
                f"{fault.where}: {fault.what} (allowed: {fault.allowed})",
            )
            for fault in faults
        )
    return key
