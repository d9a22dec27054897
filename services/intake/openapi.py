"""The door's OpenAPI document: its routes are plain ones, for speed, and are described here."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter

from qipan.http.openapi import PROBLEM, header_parameter, path_parameter

_REFS = "#/components/schemas/{model}"

_HEADERS = {
    "/v1/reports": (
        ("Idempotency-Key", "A repeat with the same key and body gets the first answer; another body a 409."),
        ("Qipan-Shadow", "The exercise that the sender takes part in."),
    ),
}


@dataclass(frozen=True, slots=True)
class Described:
    """A route with what goes in (None: nothing) and what comes out when all is well.

    Of a body that is lines (`media` says so) `body` is one line.
    """

    method: str
    path: str
    endpoint: Callable[..., object]
    body: Any
    answer: type[Any]
    status: int
    media: tuple[str, ...] = ("application/json",)


def document(routes: Iterable[Described]) -> dict[str, Any]:
    """The OpenAPI document of these routes."""
    schemas: dict[str, Any] = {"Problem": PROBLEM}
    paths: dict[str, Any] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schemas)
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
    answer = {"application/json": {"schema": _schema(route.answer, schemas)}}
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
        content = {media: {"schema": schema} for media in route.media}
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _parameters(path: str) -> list[dict[str, Any]]:
    found = [header_parameter(name, words) for name, words in _HEADERS.get(path, ())]
    if "{report_id}" in path:
        token = {"name": "token", "in": "query", "required": True, "schema": {"type": "string"}}
        found += [path_parameter("report_id"), token]
    return found


def _schema(model: Any, schemas: dict[str, Any], mode: Any = "serialization") -> dict[str, Any]:
    """The schema of a model; what it is made of goes among the components."""
    schema = TypeAdapter(model).json_schema(ref_template=_REFS, mode=mode)
    schemas.update(schema.pop("$defs", {}))
    name = schema.get("title") if isinstance(model, type) else None
    if name is None:
        return schema
    schemas[name] = schema
    return {"$ref": _REFS.format(model=name)}
