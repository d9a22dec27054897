"""Reading a body: bounded, UTF-8, JSON, and exactly the fields that the model knows."""

from collections.abc import Collection
from typing import TypeVar, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import from_json
from starlette.requests import Request

from qipan.contracts.errors import Fault
from qipan.http import faults
from qipan.http.errors import MalformedJson, NotUtf8, TooLarge, UnsupportedMediaType
from qipan.http.language import Language, language_of

LARGEST_BODY = 65_536
"""Bytes; a text of 4,000 characters fits even when every character is written as an escape."""

Model = TypeVar("Model", bound=BaseModel)

_NUL = b"\\u0000"


async def read_body(request: Request, limit: int = LARGEST_BODY) -> bytes:
    """The whole body; TooLarge as soon as more than `limit` bytes are announced or come."""
    announced = request.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > limit:
        raise _too_large(limit)
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise _too_large(limit)
        chunks.append(chunk)
    return b"".join(chunks)


async def read_json(request: Request, model: type[Model], limit: int = LARGEST_BODY) -> Model:
    """The body as `model`; an empty body is an empty object.

    Raises UnsupportedMediaType, TooLarge, NotUtf8, MalformedJson, or Invalid (or one of its kinds) with every
    fault at once. Fields that the model does not know are refused whatever the model's own setting is.
    """
    media = request.headers.get("content-type", "")
    body = await read_body(request, limit)
    if body and media.partition(";")[0].strip().lower() != "application/json":
        raise UnsupportedMediaType(
            faults=(Fault(where="Content-Type", what=media or "-", allowed="application/json"),)
        )
    return as_model(body or b"{}", model, language_of(request))


def as_model(body: bytes, model: type[Model], language: Language = "en") -> Model:
    """`body` as `model`, or the same refusals as `read_json` for what is wrong with the content."""
    if _NUL in body:
        _refuse_nul(body, language)
    try:
        return model.model_validate_json(body, extra="forbid")
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        if found[0]["type"] != "json_invalid":
            raise faults.refusal(found, language) from None
        raise _unreadable(body, str(found[0].get("ctx", {}).get("error", ""))) from None


def as_query(request: Request, model: type[Model], known: Collection[str] = ()) -> Model:
    """The query string as `model`: Invalid with every fault; `known` parameters are somebody else's.

    A field that takes several values may be repeated.
    """
    found = request.query_params
    values: dict[str, str | list[str]] = {}
    for name in found:
        if any("\x00" in value for value in found.getlist(name)):
            raise faults.nul_refusal(name, language_of(request))
        if name not in known:
            field = model.model_fields.get(name)
            several = field is not None and get_origin(field.annotation) in (tuple, list)
            values[name] = found.getlist(name) if several else found[name]
    try:
        return model.model_validate(values, extra="forbid")
    except ValidationError as error:
        raise faults.refusal(
            error.errors(include_url=False, include_input=False), language_of(request)
        ) from None


def _too_large(limit: int) -> TooLarge:
    return TooLarge(faults=(Fault(where="(body)", what="too large", allowed=f"≤ {limit} bytes"),))


def _unreadable(body: bytes, why: str) -> MalformedJson | NotUtf8:
    try:
        body.decode()
    except UnicodeDecodeError as error:
        return NotUtf8(faults=(Fault(where=f"byte {error.start}", what=error.reason, allowed="UTF-8"),))
    return MalformedJson(faults=(Fault(where="(body)", what=why, allowed="JSON, RFC 8259"),))


def _refuse_nul(body: bytes, language: Language) -> None:
    """PostgreSQL cannot store NUL. The escape may follow an escaped backslash, so look at the values."""
    try:
        where = _nul_in(from_json(body), "")
    except ValueError:
        return  # not JSON at all: the reader says so better
    if where is not None:
        raise faults.nul_refusal(where, language)


def _nul_in(value: object, where: str) -> str | None:
    if isinstance(value, str):
        return (where or "(body)") if "\x00" in value else None
    if isinstance(value, dict):
        inner = [(key, key) for key in value] + [(item, str(key)) for key, item in value.items()]
    elif isinstance(value, list):
        inner = [(item, str(index)) for index, item in enumerate(value)]
    else:
        return None
    for item, step in inner:
        found = _nul_in(item, f"{where}.{step}" if where else step)
        if found is not None:
            return found
    return None
