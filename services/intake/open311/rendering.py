"""One answer in both of GeoReport's formats: plain values as JSON, or as XML by the Spark convention.

By that convention a list in JSON is an element in XML whose children all have one name; nothing is a null in
JSON and an empty element in XML.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from xml.sax.saxutils import escape

from pydantic_core import to_json


class Format(StrEnum):
    """What a client can ask for by the end of an address."""

    XML = "xml"
    JSON = "json"


MEDIA_TYPES: Mapping[Format, str] = {Format.XML: "text/xml", Format.JSON: "application/json"}

DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'

_CHILDREN: Mapping[str, str] = {
    "services": "service",
    "attributes": "attribute",
    "values": "value",
    "service_requests": "request",
    "service_request_updates": "request_update",
    "errors": "error",
    "endpoints": "endpoint",
    "formats": "format",
}
"""The name of each list's children."""

# XML 1.0, production 2: what is no character of XML cannot be escaped either.
_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

Plain = str | int | float | bool | None | Mapping[str, "Plain"] | Sequence["Plain"]


@dataclass(frozen=True, slots=True)
class Document:
    """An answer: the name of its root, which JSON leaves out, and what is in it."""

    root: str
    content: Plain


def rendered(document: Document, format: Format) -> bytes:
    """The answer in this format, UTF-8."""
    if format is Format.JSON:
        return to_json(document.content)
    return (DECLARATION + _element(document.root, document.content)).encode()


def _element(name: str, value: Plain) -> str:
    if value is None or value == "":
        return f"<{name}/>"
    return f"<{name}>{_inside(name, value)}</{name}>"


def _inside(name: str, value: Plain) -> str:
    if isinstance(value, Mapping):
        return "".join(_element(key, inner) for key, inner in value.items())
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return escape(_NO_XML.sub("\ufffd", value))
    if isinstance(value, Sequence):
        return "".join(_element(_CHILDREN[name], inner) for inner in value)
    return repr(value)
