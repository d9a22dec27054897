"""The door's OpenAPI document: its routes are plain ones, for speed, and are described here."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter

from qipan.http.openapi import PROBLEM, header_parameter, path_parameter
from services.intake.open311 import description

JSON = "application/json"
_BINARY = {"type": "string", "format": "binary"}
_REFS = "#/components/schemas/{model}"

_REPEAT = "A repeat with the same key and body gets the first answer; another body a 409."
_HEADERS = {
    "/v1/reports/{report_id}/comments": (("Idempotency-Key", _REPEAT),),
    "/v1/alarms": (("X-Device-Key", "The device's own key, or its hub's."),),
    "/v1/reports": (
        ("Idempotency-Key", _REPEAT),
        ("Qipan-Shadow", "The exercise that the sender takes part in."),
    ),
}


@dataclass(frozen=True, slots=True)
class Described:
    """A route with what goes in (None: nothing) and what comes out when all is well.

    `takes` and `gives` are media types; what is not JSON has no model. Of a body that is lines `body` is one line.
    """

    method: str
    path: str
    endpoint: Callable[..., object]
    body: Any
    answer: type[Any] | None
    status: int
    takes: tuple[str, ...] = (JSON,)
    gives: tuple[str, ...] = (JSON,)


def document(routes: Iterable[Described]) -> dict[str, Any]:
    """The OpenAPI document of these routes and of Open311's."""
    schemas: dict[str, Any] = {"Problem": PROBLEM}
    paths: dict[str, Any] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schemas)
    paths.update(description.paths())
    schemas.update(description.schemas())
    return {
        "openapi": "3.1.0",
        "info": {"title": "Qipan intake", "version": "1"},
        "paths": paths,
        "components": {
            "schemas": dict(sorted(schemas.items())),
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
        # Citizens report without signing in; devices and grid workers bear a token.
        "security": [{}, {"bearer": []}],
    }


def _operation(route: Described, schemas: dict[str, Any]) -> dict[str, Any]:
    answer = {
        media: {"schema": _schema(route.answer, schemas) if media == JSON else _BINARY}
        for media in route.gives
    }
    problem = {"application/problem+json": {"schema": {"$ref": _REFS.format(model="Problem")}}}
    operation: dict[str, Any] = {
        "summary": (route.endpoint.__doc__ or "").strip().splitlines()[0],
        "operationId": route.endpoint.__name__,
        "parameters": _parameters(route.path),
        "responses": {
            str(route.status): {"description": "Done", "content": answer},
            "default": {
                "description": "A problem document (RFC 9457): `type` is stable, `faults` lists all.",
                "content": problem,
            },
        },
    }
    if route.body is not None:
        schema = _schema(route.body, schemas, mode="validation")
        operation["requestBody"] = {
            "required": True,
            "content": {media: {"schema": schema} for media in route.takes},
        }
    elif route.takes != (JSON,):
        content = {media: {"schema": _sent_as(media)} for media in route.takes}
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _parameters(path: str) -> list[dict[str, Any]]:
    found = [header_parameter(name, words) for name, words in _HEADERS.get(path, ())]
    if "{report_id}" in path:
        found += [path_parameter("report_id"), _query("token", required="{photo_id}" not in path)]
    if "{photo_id}" in path:
        found += [path_parameter("photo_id"), _query("ticket", required=False)]
    if "{component_id}" in path:
        found.append(path_parameter("component_id"))
    return found


def _query(name: str, *, required: bool) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": required, "schema": {"type": "string"}}


def _sent_as(media: str) -> dict[str, Any]:
    """A file by itself, or as the one part of a form."""
    if not media.startswith("multipart/"):
        return _BINARY
    return {"type": "object", "required": ["photo"], "properties": {"photo": _BINARY}}


def _schema(model: Any, schemas: dict[str, Any], mode: Any = "serialization") -> dict[str, Any]:
    """The schema of a model; what it is made of goes among the components."""
    schema = TypeAdapter(model).json_schema(ref_template=_REFS, mode=mode)
    schemas.update(schema.pop("$defs", {}))
    name = schema.get("title") if isinstance(model, type) else None
    if name is None:
        return schema
    schemas[name] = schema
    return {"$ref": _REFS.format(model=name)}
