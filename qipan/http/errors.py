"""Refusals that only HTTP knows: what is wrong with a request before anybody looks at what it asks."""

from qipan.contracts.errors import Invalid, QipanError


class MalformedJson(QipanError):
    """The body is not JSON."""

    code, status = "malformed-json", 400


class MalformedCsv(QipanError):
    """The body is not CSV."""

    code, status = "malformed-csv", 400


class NotUtf8(QipanError):
    """The body is not UTF-8 text."""

    code, status = "not-utf8", 400


class TooLarge(QipanError):
    """The body is larger than the server takes."""

    code, status = "too-large", 413


class UnsupportedMediaType(QipanError):
    """The body's content type is not one that this address takes."""

    code, status = "unsupported-media-type", 415


class MethodNotAllowed(QipanError):
    """This address does not take that method."""

    code, status = "method-not-allowed", 405


class TooManyRequests(QipanError):
    """Too many attempts; wait before the next one."""

    code, status = "too-many-requests", 429


class UnknownField(Invalid):
    """The body has fields that this request does not know."""

    code = "unknown-field"


class TooLong(Invalid):
    """A text is longer than allowed."""

    code = "too-long"


class NotFinite(Invalid):
    """A number is not finite."""

    code = "not-finite"
