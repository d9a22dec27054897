"""Reading Open311's answers as its specification has them, in either format, knowing nothing of our code.

The schemas are tests/contract/open311/*.json; `x-element` is an element's name in XML.
"""

import json
import xml.etree.ElementTree as ET
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

SCHEMAS = Path(__file__).parent / "contract" / "open311"
MEDIA = {"json": "application/json; charset=utf-8", "xml": "text/xml; charset=utf-8"}


@cache
def schema(name: str) -> dict[str, Any]:
    """What an answer must be."""
    found: dict[str, Any] = json.loads((SCHEMAS / f"{name}.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(found)
    return found


def valid(value: Any, name: str) -> Any:
    """The value, which must be as the schema says."""
    wrong = [
        f"{error.json_path}: {error.message}"
        for error in Draft202012Validator(schema(name)).iter_errors(value)
    ]
    assert wrong == [], wrong
    return value


def read(answer: Any, name: str) -> Any:
    """The content of an HTTP answer in whichever format it is, checked against the schema."""
    media = answer.headers["content-type"]
    body = answer.content
    if media == MEDIA["json"]:
        return valid(json.loads(body.decode("utf-8")), name)
    assert media == MEDIA["xml"], media
    assert body.startswith(b'<?xml version="1.0" encoding="UTF-8"?>')
    return valid(of_xml(ET.fromstring(body.decode("utf-8")[38:]), schema(name)), name)


def of_xml(element: ET.Element, schema: dict[str, Any]) -> Any:
    """The value that an element stands for by the Spark convention; an assertion where it strays from the schema."""
    assert element.attrib == {}
    if "x-element" in schema:
        assert element.tag == schema["x-element"]
    kind = schema.get("type")
    if kind == "array":
        assert not (element.text or "").strip()
        return [of_xml(child, schema["items"]) for child in element]
    if kind == "object":
        names = [child.tag for child in element]
        assert len(names) == len(set(names)), names
        assert set(names) <= set(schema["properties"]), names
        return {child.tag: of_xml(child, schema["properties"][child.tag] or {}) for child in element}
    assert len(element) == 0
    text = element.text or ""
    if kind == "boolean":
        return {"true": True, "false": False}[text]
    if kind in ("integer", "number"):
        return json.loads(text)
    if text == "" and any(choice.get("type") == "null" for choice in schema.get("anyOf", ())):
        return None
    return text
