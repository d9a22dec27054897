"""What every HTTP server of the district shares: strict reading, problem documents, figures and traces."""

from qipan.http.body import LARGEST_BODY, as_model, as_query, read_body, read_json
from qipan.http.errors import (
    MalformedCsv,
    MalformedJson,
    MethodNotAllowed,
    NotFinite,
    NotUtf8,
    TooLarge,
    TooLong,
    TooManyRequests,
    UnknownField,
    UnsupportedMediaType,
)
from qipan.http.language import language_of
from qipan.http.problems import document, response
from qipan.http.serving import Answer, serve

__all__ = [
    "LARGEST_BODY",
    "Answer",
    "MalformedCsv",
    "MalformedJson",
    "MethodNotAllowed",
    "NotFinite",
    "NotUtf8",
    "TooLarge",
    "TooLong",
    "TooManyRequests",
    "UnknownField",
    "UnsupportedMediaType",
    "as_model",
    "as_query",
    "document",
    "language_of",
    "read_body",
    "read_json",
    "response",
    "serve",
]
