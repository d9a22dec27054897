"""Open311's addresses in the door's OpenAPI document."""

from collections.abc import Iterable
from typing import Any

from qipan.http.openapi import header_parameter, path_parameter
from services.intake.open311.discovery import PREFIX
from services.intake.open311.filters import CLOSED, OPEN
from services.intake.open311.rendering import MEDIA_TYPES, Format
from services.intake.open311.web import ADDRESSES, FORM

_TEXT: dict[str, Any] = {"type": "string"}
_MAYBE: dict[str, Any] = {"type": ["string", "null"]}
_TIME: dict[str, Any] = {"type": "string", "format": "date-time"}
_TRUTH: dict[str, Any] = {"type": "boolean"}
_STATUS: dict[str, Any] = {"type": "string", "enum": [OPEN, CLOSED]}


def _object(**fields: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": fields}


def _list(item: dict[str, Any], name: str) -> dict[str, Any]:
    return {"type": "array", "items": {**item, "xml": {"name": name}}, "xml": {"wrapped": True}}


_DISCOVERY = _object(
    changeset=_TEXT,
    contact=_TEXT,
    key_service=_TEXT,
    endpoints=_list(
        _object(
            specification=_TEXT,
            url=_TEXT,
            changeset=_TEXT,
            type={"type": "string", "enum": ["production", "test"]},
            formats=_list(_TEXT, "format"),
        ),
        "endpoint",
    ),
)
_SERVICE = _object(
    service_code=_TEXT,
    service_name=_TEXT,
    description=_TEXT,
    metadata=_TRUTH,
    type={"type": "string", "enum": ["realtime", "batch"]},
    keywords=_TEXT,
    group=_TEXT,
)
_DEFINITION = _object(
    service_code=_TEXT,
    attributes=_list(
        _object(
            variable=_TRUTH,
            code=_TEXT,
            datatype=_TEXT,
            required=_TRUTH,
            datatype_description=_MAYBE,
            order={"type": "integer"},
            description=_TEXT,
            values=_list(_object(key=_TEXT, name=_TEXT), "value"),
        ),
        "attribute",
    ),
)
_REQUEST = _object(
    service_request_id=_TEXT,
    status=_STATUS,
    status_notes=_TEXT,
    service_name=_MAYBE,
    service_code=_MAYBE,
    description=_MAYBE,
    agency_responsible=_MAYBE,
    service_notice=_MAYBE,
    requested_datetime=_TIME,
    updated_datetime=_TIME,
    expected_datetime={"type": ["string", "null"], "format": "date-time"},
    address=_MAYBE,
    address_id=_MAYBE,
    zipcode=_MAYBE,
    lat={"type": "number"},
    long={"type": "number"},
    media_url=_MAYBE,
)
_CREATED = _object(service_request_id=_TEXT, token=_TEXT, service_notice=_TEXT, account_id=_MAYBE)
_TOKEN = _object(service_request_id=_TEXT, token=_TEXT)
_UPDATE = _object(
    update_id=_TEXT,
    service_request_id=_TEXT,
    status=_STATUS,
    updated_datetime=_TIME,
    description=_TEXT,
    media_url=_MAYBE,
)
_ERRORS = _list(_object(code={"type": "integer"}, description=_TEXT), "error")

_SCHEMAS: dict[str, dict[str, Any]] = {
    "Open311Discovery": {**_DISCOVERY, "xml": {"name": "discovery"}},
    "Open311Services": _list(_SERVICE, "service"),
    "Open311Definition": {**_DEFINITION, "xml": {"name": "service_definition"}},
    "Open311Created": _list(_CREATED, "request"),
    "Open311Requests": _list(_REQUEST, "request"),
    "Open311Token": _list(_TOKEN, "request"),
    "Open311Updates": _list(_UPDATE, "request_update"),
    "Open311Errors": _ERRORS,
}

_ANSWERS = {
    "get_discovery": "Open311Discovery",
    "get_services": "Open311Services",
    "get_definition": "Open311Definition",
    "post_request": "Open311Created",
    "get_requests": "Open311Requests",
    "get_request": "Open311Requests",
    "get_token": "Open311Token",
    "get_updates": "Open311Updates",
}

_PAGED = {
    "page": "Which page, 1 first (extension).",
    "page_size": "How many rows at once, at most and by default the town's largest number (extension).",
}
_DATED = {
    "start_date": "Not before; W3C date and time with zone.",
    "end_date": "Not after; the span is the town's longest at most.",
}
_LISTED = {"service_request_id": "Ids between commas; overrides the rest for requests."}
_QUERY = {
    "get_requests": {
        **_LISTED,
        "service_code": "Types between commas.",
        **_DATED,
        "status": "open or closed.",
        "updated_after": "Changed not before (extension).",
        "updated_before": "Changed not after (extension).",
        **_PAGED,
    },
    "get_updates": {**_LISTED, **_DATED, **_PAGED},
}

_FORM = _object(
    api_key=_TEXT,
    jurisdiction_id=_TEXT,
    service_code=_TEXT,
    lat={"type": "number"},
    long={"type": "number"},
    address_string=_TEXT,
    address_id=_TEXT,
    description=_TEXT,
    first_name=_TEXT,
    last_name=_TEXT,
    phone=_TEXT,
    email=_TEXT,
    media_url=_TEXT,
) | {
    "required": ["api_key", "service_code", "lat", "long"],
    "additionalProperties": _TEXT,
    "description": "Answers to attributes are `attribute[code]`, several of them `attribute[code][]`.",
}


def paths() -> dict[str, Any]:
    """Every address with its operations."""
    found: dict[str, Any] = {}
    for method, path, endpoint in ADDRESSES:
        name = endpoint.__name__
        found.setdefault(PREFIX + path, {})[method.lower()] = _operation(name, path, endpoint.__doc__ or "")
    return found


def schemas() -> dict[str, Any]:
    """What the operations refer to."""
    return _SCHEMAS


def _operation(name: str, path: str, words: str) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "summary": words.strip().splitlines()[0],
        "operationId": f"open311_{name}",
        "parameters": list(_parameters(name, path)),
        "responses": {
            "200": {"description": "Done", "content": _content(_ANSWERS[name])},
            "default": {
                "description": "Refused: 403 for the API key, 404 for what is not there, else 400; all faults at once.",
                "content": _content("Open311Errors"),
            },
        },
        "security": [{}],
    }
    if name == "post_request":
        operation["requestBody"] = {"required": True, "content": {FORM: {"schema": _FORM}}}
    return operation


def _content(schema: str) -> dict[str, Any]:
    ref = {"$ref": f"#/components/schemas/{schema}"}
    return {MEDIA_TYPES[format]: {"schema": ref} for format in (Format.JSON, Format.XML)}


def _parameters(name: str, path: str) -> Iterable[dict[str, Any]]:
    for part in ("service_code", "service_request_id", "token"):
        if f"{{{part}}}" in path:
            yield path_parameter(part)
    yield {
        "name": "format",
        "in": "path",
        "required": True,
        "schema": {"type": "string", "enum": [format.value for format in Format]},
    }
    if name not in ("get_discovery", "post_request"):
        yield _query("jurisdiction_id", "The town; needed where the district has several.")
    for argument, said in _QUERY.get(name, {}).items():
        yield _query(argument, said)
    if name == "post_request":
        yield header_parameter(
            "Idempotency-Key", "A repeat with the same key and form gets the first answer."
        )


def _query(name: str, words: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "description": words, "schema": _TEXT}
