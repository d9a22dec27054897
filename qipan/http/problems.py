"""Problem documents (RFC 9457): a stable `type`, a title in the reader's language, all faults."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import Response

from qipan.contracts.errors import QipanError
from qipan.http.language import Language, language_of
from qipan.observability import tracing

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 2


def urn(code: str) -> str:
    """The stable `type` of problems of this kind."""
    return f"urn:qipan:problem:{code}"


@dataclass(frozen=True, slots=True)
class Title:
    """What a kind of problem is called."""

    zh: str
    en: str


TITLES: Mapping[str, Title] = {
    "invalid": Title("请求内容有误", "The request has faults"),
    "unknown-field": Title("请求含有未知字段", "Unknown fields"),
    "too-long": Title("文字过长", "Text too long"),
    "not-finite": Title("数值不是有限数", "Number not finite"),
    "ambiguous-place": Title("地址可能指多个地点", "The address may mean several places"),
    "unknown-place": Title("地名库中没有这个地址", "Unknown address"),
    "outside-territory": Title("地点不在本区任何镇街内", "Outside every town"),
    "wrong-tenant": Title("地点属于另一个镇街", "The place lies in another town"),
    "unknown-tenant": Title("没有这个镇街或部门", "Unknown tenant"),
    "unknown-component": Title("没有这个部件", "Unknown component"),
    "unknown-matter": Title("没有这个事项", "Unknown matter"),
    "malformed-json": Title("请求体不是 JSON", "Not JSON"),
    "malformed-csv": Title("请求体不是 CSV", "Not CSV"),
    "not-utf8": Title("请求体不是 UTF-8 文字", "Not UTF-8"),
    "too-large": Title("请求体过大", "Body too large"),
    "unsupported-media-type": Title("请求体类型不受支持", "Unsupported content type"),
    "method-not-allowed": Title("此地址不支持该方法", "Method not allowed"),
    "too-many-requests": Title("尝试过于频繁，请稍后再试", "Too many attempts"),
    "unauthenticated": Title("尚未登录或登录已失效", "Not signed in"),
    "forbidden": Title("没有权限", "No right to do this"),
    "not-found": Title("没有找到", "Not found"),
    "conflict": Title("内容已被更改", "Conflict"),
    "illegal-transition": Title("案卷当前状态不允许这一步", "The process does not allow this step"),
    "key-reused": Title("幂等键已用于另一请求", "Idempotency key reused"),
    "unavailable": Title("服务暂不可用，请稍后再试", "Unavailable for the moment"),
    "outbox-full": Title("待发消息过多", "Too many messages wait"),
    "deadline-exceeded": Title("服务未及时答复", "No answer in time"),
    "internal": Title("系统内部出错", "Internal error"),
}
"""Every code that can be answered over HTTP (a test compares it with the error classes)."""


def document(error: QipanError, language: Language = "zh-CN", instance: str | None = None) -> dict[str, Any]:
    """The problem document of an error; beyond RFC 9457: `code`, `faults`, `trace`, `context`."""
    title = TITLES.get(error.code) or TITLES["internal"]
    found: dict[str, Any] = {
        "type": urn(error.code),
        "code": error.code,
        "title": title.en if language == "en" else title.zh,
        "status": error.status,
        "detail": error.detail,
    }
    if instance is not None:
        found["instance"] = instance
    if error.faults:
        found["faults"] = [fault.model_dump(exclude_none=True) for fault in error.faults]
    trace = tracing.trace_id(tracing.current())
    if trace is not None:
        found["trace"] = trace
    if error.context:
        found["context"] = error.context
    return found


def response(error: QipanError, request: Request) -> Response:
    """The problem document as an answer to this request."""
    language = language_of(request)
    request.scope["qipan.outcome"] = error.code
    headers = {"Content-Language": language, "Cache-Control": "no-store"}
    if error.status in (429, 503, 504):
        headers["Retry-After"] = str(error.context.get("retry_after", RETRY_AFTER_SECONDS))
    if error.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return Response(
        to_json(document(error, language, request.url.path), serialize_unknown=True),
        status_code=error.status,
        headers=headers,
        media_type=MEDIA_TYPE,
    )
