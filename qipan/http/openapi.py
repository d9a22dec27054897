"""Describing an HTTP server in OpenAPI 3.1: its addresses, bodies, answers and problems."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from qipan.http.problems import MEDIA_TYPE, TITLES, urn

_SCHEMAS = "#/components/schemas/"
PROBLEM: dict[str, Any] = {
    "type": "object",
    "description": "A problem document (RFC 9457).",
    "required": ["type", "code", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "enum": [urn(code) for code in TITLES]},
        "code": {"type": "string", "enum": list(TITLES)},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string"},
        "trace": {"type": "string", "description": "The trace id, to tell an operator."},
        "context": {"type": "object"},
        "faults": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["where", "what"],
                "properties": {
                    "where": {"type": "string"},
                    "what": {"type": "string"},
                    "allowed": {"type": "string"},
                },
            },
        },
    },
}


def ref(model: type[BaseModel]) -> dict[str, str]:
    """A reference to a model's schema."""
    return {"$ref": f"{_SCHEMAS}{model.__name__}"}


def operation(
    name: str,
    summary: str,
    *,
    answer: type[BaseModel] | None = None,
    status: int = 200,
    body: type[BaseModel] | None = None,
    parameters: Sequence[Mapping[str, Any]] = (),
    signed_in: bool = True,
) -> dict[str, Any]:
    """What `FastAPI.add_api_route` is told about an address whose endpoint reads the request itself."""
    said: dict[str, Any] = {"description": "Done."}
    if answer is not None:
        said["content"] = {"application/json": {"schema": ref(answer)}}
    problem = {"description": "Refused.", "content": {MEDIA_TYPE: {"schema": {"$ref": f"{_SCHEMAS}Problem"}}}}
    extra: dict[str, Any] = {"parameters": [dict(parameter) for parameter in parameters]}
    if body is not None:
        needed = any(field.is_required() for field in body.model_fields.values())
        extra["requestBody"] = {"required": needed, "content": {"application/json": {"schema": ref(body)}}}
    if signed_in:
        extra["security"] = [{"bearer": []}]
    return {
        "name": name,
        "operation_id": name,
        "summary": summary,
        "status_code": status,
        "response_model": None,
        "responses": {status: said, "default": problem},
        "openapi_extra": extra,
    }


def path_parameter(name: str) -> dict[str, Any]:
    """A part of the address."""
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string", "maxLength": 128}}


def query_parameters(model: type[BaseModel]) -> list[dict[str, Any]]:
    """A model's fields, as they stand in a query string."""
    schema = model.model_json_schema(ref_template=f"{_SCHEMAS}{{model}}")
    required = schema.get("required", [])
    return [
        {"name": name, "in": "query", "required": name in required, "schema": field}
        for name, field in schema.get("properties", {}).items()
    ]


def header_parameter(name: str, description: str) -> dict[str, Any]:
    """A header that may be given."""
    return {
        "name": name,
        "in": "header",
        "required": False,
        "description": description,
        "schema": {"type": "string"},
    }


def describe(app: FastAPI, models: Iterable[type[BaseModel]]) -> dict[str, Any]:
    """The description of `app`; `models` are those its operations refer to."""
    document = get_openapi(title=app.title, version=app.version, routes=app.routes)
    unique = sorted(set(models), key=lambda model: model.__name__)
    _, schemas = models_json_schema(
        [(model, "validation") for model in unique], ref_template=f"{_SCHEMAS}{{model}}"
    )
    components = document.setdefault("components", {})
    components["schemas"] = {**schemas.get("$defs", {}), "Problem": PROBLEM}
    components["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}
    return document


def as_text(document: Mapping[str, Any]) -> str:
    """The description as it is kept under docs/reference."""
    return json.dumps(document, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
