"""Makes the golden sample of a message: an envelope with every field filled, the same on every run.

`python tests/contract/golden_samples.py` writes the samples of new message types. It never touches one that
is there: a golden sample is what somebody may already have in a queue.
"""

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from qipan.contracts import asyncapi, commands, queries, subscriptions
from qipan.contracts.base import Message, events, requests

GOLDEN = Path(__file__).parent / "golden"
CONTRACTS = (commands, queries, subscriptions, *asyncapi._REGISTERED_BY)
_BY_FORMAT = {"date-time": "2026-03-01T08:00:00Z", "date": "2026-03-01"}


def kinds() -> dict[str, type[Message]]:
    """Every message type of the core's contracts."""
    known: dict[str, type[Message]] = {**events(), **requests()}
    return {type: kind for type, kind in known.items() if kind.__module__.startswith("qipan.contracts.")}


def sample(kind: type[Message]) -> dict[str, Any]:
    """An envelope around a message of this kind, as JSON values."""
    return {
        "specversion": "1.0",
        "id": "0195f0a0-0000-7000-8000-000000000001",
        "type": kind.type,
        "source": "golden",
        "subject": "c1",
        "time": "2026-03-01T08:00:00Z",
        "tenant": "sandun",
        "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "data": data(kind),
    }


def data(model: type[BaseModel]) -> Any:
    """A value of the model with every field filled."""
    schema = model.model_json_schema()
    return _value(schema, schema.get("$defs", {}))


def _value(schema: dict[str, Any], defs: dict[str, Any]) -> Any:
    if "$ref" in schema:
        return _value(defs[schema["$ref"].rpartition("/")[2]], defs)
    if "examples" in schema:
        return schema["examples"][0]
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    for choice in schema.get("anyOf", ()):
        if choice.get("type") != "null":
            return _value(choice, defs)
    return _plain(schema, defs)


def _plain(schema: dict[str, Any], defs: dict[str, Any]) -> Any:
    kind = schema.get("type")
    if kind == "object":
        if "properties" in schema:
            return {name: _value(field, defs) for name, field in schema["properties"].items()}
        inner = schema.get("additionalProperties")
        names = schema.get("propertyNames", {"type": "string"})
        return {_value(names, defs): _value(inner, defs)} if isinstance(inner, dict) else {}
    if kind == "array":
        return [_value(schema["items"], defs)]
    if "examples" in schema:
        return schema["examples"][0]
    if kind == "string":
        return _BY_FORMAT.get(schema.get("format", ""), "text")
    if kind in ("integer", "number"):
        return max(schema.get("minimum", 1), 1)
    return kind == "boolean"


def main() -> None:
    """Write what is missing."""
    GOLDEN.mkdir(exist_ok=True)
    for type, kind in kinds().items():
        path = GOLDEN / f"{type}.json"
        if not path.exists():
            path.write_text(json.dumps(sample(kind), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
