"""AsyncAPI 3 from the contracts: `python -m qipan.contracts.asyncapi [--check]` writes or checks the page."""

import json
import sys
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from qipan import __version__, generated
from qipan.contracts import (
    callouts,
    choosing,
    citizens,
    commands,
    deliveries,
    devices,
    feed,
    field,
    fieldlog,
    figures,
    follow_up,
    handover,
    joint,
    mandates,
    modes,
    news,
    offline,
    positions,
    preferences,
    queries,
    returns,
    rosters,
    search,
    supervision,
    timing,
    verifications,
    whistle,
    wording,
)
from qipan.contracts.base import Event, Message, Request, events, requests
from qipan.contracts.envelope import Envelope
from qipan.contracts.errors import RemoteFault
from qipan.contracts.subscriptions import SUBSCRIPTIONS

PAGE = "asyncapi.json"
_SCHEMAS = "#/components/schemas/"
_MESSAGES = "#/components/messages/"
_MEDIA = "application/cloudevents+json"
_TENANT = {"tenant": {"description": "Whom it is for: a town, a department, the district, or a shadow."}}
_REGISTERED_BY = (
    callouts,
    choosing,
    citizens,
    commands,
    deliveries,
    devices,
    feed,
    field,
    fieldlog,
    figures,
    follow_up,
    handover,
    joint,
    mandates,
    modes,
    news,
    offline,
    positions,
    preferences,
    queries,
    returns,
    rosters,
    search,
    supervision,
    timing,
    verifications,
    whistle,
    wording,
)
"""The modules whose import registers requests; the subscription table's import registers events."""


def document() -> dict[str, Any]:
    """Everything that travels: every event with its subscribers, every request with its answer."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Qipan",
            "version": __version__,
            "description": "What services tell and ask each other. Envelopes are CloudEvents 1.0 in JSON.",
        },
        "defaultContentType": _MEDIA,
        "channels": {**_event_channels(), **_request_channels()},
        "operations": {**_subscriptions(), **_calls()},
        "components": {"messages": _messages(), "schemas": _schemas()},
    }


def as_text() -> str:
    """The description as it is kept under docs/reference."""
    return json.dumps(document(), ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def _events() -> dict[str, type[Event]]:
    return {type: kind for type, kind in sorted(events().items()) if _is_ours(kind)}


def _requests() -> dict[str, type[Request[Any]]]:
    return {type: kind for type, kind in sorted(requests().items()) if _is_ours(kind)}


def _is_ours(kind: type[Message]) -> bool:
    """Only the core's contracts are described: tests and towns register others beside them."""
    return kind.__module__.startswith("qipan.contracts.")


def _channel(type: str, exchange: str, messages: dict[str, str], description: str) -> dict[str, Any]:
    return {
        "address": f"{{tenant}}.{type}",
        "description": description,
        "parameters": _TENANT,
        "messages": {name: {"$ref": f"{_MESSAGES}{target}"} for name, target in messages.items()},
        "bindings": {
            "amqp": {"is": "routingKey", "exchange": {"name": exchange, "type": "topic", "durable": True}}
        },
    }


def _event_channels() -> dict[str, Any]:
    return {type: _channel(type, "events", {type: type}, _said(kind)) for type, kind in _events().items()}


def _request_channels() -> dict[str, Any]:
    channels = {
        type: _channel(type, f"calls.{kind.service}", {type: type}, _said(kind))
        for type, kind in _requests().items()
    }
    answers = {kind.answer_model().__name__: kind.answer_model().__name__ for kind in _requests().values()}
    replies = _channel(
        "{reply}", "replies", {**answers, "error": "error"}, "Answers, keyed by the caller's reply id."
    )
    replies["parameters"] = {**_TENANT, "reply": {"description": "The reply id that the caller gave."}}
    return {**channels, "replies": replies}


def _subscriptions() -> dict[str, Any]:
    return {
        f"{service}.{kind.type}": {
            "action": "receive",
            "title": f"{service} hears {kind.type}",
            "channel": {"$ref": f"#/channels/{kind.type}"},
            "messages": [{"$ref": f"#/channels/{kind.type}/messages/{kind.type}"}],
        }
        for service, kinds in SUBSCRIPTIONS.items()
        for kind in kinds
    }


def _calls() -> dict[str, Any]:
    return {
        f"{kind.service}.{type}": {
            "action": "receive",
            "title": f"{kind.service} answers {type}",
            "summary": _said(kind),
            "channel": {"$ref": f"#/channels/{type}"},
            "messages": [{"$ref": f"#/channels/{type}/messages/{type}"}],
            "reply": {
                "address": {"location": "$message.header#/reply_to"},
                "channel": {"$ref": "#/channels/replies"},
                "messages": [
                    {"$ref": f"#/channels/replies/messages/{kind.answer_model().__name__}"},
                    {"$ref": "#/channels/replies/messages/error"},
                ],
            },
        }
        for type, kind in _requests().items()
    }


def _messages() -> dict[str, Any]:
    sent: dict[str, Any] = {}
    for type, kind in {**_events(), **_requests()}.items():
        data = {"properties": {"type": {"const": type}, "data": {"$ref": f"{_SCHEMAS}{kind.__name__}"}}}
        sent[type] = {
            "name": type,
            "title": kind.__name__,
            "summary": _said(kind),
            "payload": {"allOf": [{"$ref": f"{_SCHEMAS}Envelope"}, data]},
        }
    for answer in {kind.answer_model() for kind in _requests().values()}:
        sent[answer.__name__] = _reply(answer)
    return {**sent, "error": _reply(RemoteFault)}


def _reply(model: type[BaseModel]) -> dict[str, Any]:
    return {
        "title": model.__name__,
        "summary": _said(model),
        "payload": {"$ref": f"{_SCHEMAS}{model.__name__}"},
    }


def _schemas() -> dict[str, Any]:
    models: set[type[BaseModel]] = {RemoteFault, *_events().values()}
    for kind in _requests().values():
        models |= {kind, kind.answer_model()}
    ordered = sorted(models, key=lambda model: model.__name__)
    _, found = models_json_schema(
        [(model, "validation") for model in ordered], ref_template=f"{_SCHEMAS}{{model}}"
    )
    envelope = Envelope.model_json_schema(ref_template=f"{_SCHEMAS}{{model}}")
    envelope.pop("$defs", None)
    envelope["title"] = "Envelope"
    envelope["properties"]["data"] = {"type": "object"}
    schemas: dict[str, Any] = {**found["$defs"], "Envelope": envelope}
    return schemas


def _said(kind: type[BaseModel]) -> str:
    return (kind.__doc__ or "").strip().splitlines()[0]


if __name__ == "__main__":
    sys.exit(generated.main(PAGE, as_text()))
