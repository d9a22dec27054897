"""Errors that travel: each has a stable code, an HTTP status, and words for the person who meets it."""

from typing import Any, ClassVar

from pydantic import BaseModel, Field


class Fault(BaseModel):
    """One thing that is wrong with an input: where it is, what is wrong, what would be allowed."""

    where: str
    what: str
    allowed: str | None = None


class QipanError(Exception):
    """Something the caller can be told. The docstring of each kind is its default message."""

    code: ClassVar[str] = "internal"
    status: ClassVar[int] = 500

    def __init__(self, detail: str = "", *, faults: tuple[Fault, ...] = (), **context: Any) -> None:
        self.detail = detail or (type(self).__doc__ or "").strip().splitlines()[0]
        self.faults = faults
        self.context = context
        super().__init__(self.detail)


class Invalid(QipanError):
    """The request is not acceptable as it stands."""

    code, status = "invalid", 422


class OutsideTerritory(Invalid):
    """The place lies outside every town of the district."""

    code = "outside-territory"


class WrongTenant(Invalid):
    """The place lies in another town than the one named."""

    code = "wrong-tenant"


class UnknownTenant(Invalid):
    """The district has no such tenant."""

    code = "unknown-tenant"


class UnknownPlace(Invalid):
    """The address names no landmark that the district knows."""

    code = "unknown-place"


class AmbiguousPlace(Invalid):
    """The address may mean several places."""

    code = "ambiguous-place"


class UnknownComponent(Invalid):
    """The district has no component with this id."""

    code = "unknown-component"


class UnknownMatter(Invalid):
    """The town knows no such matter."""

    code = "unknown-matter"


class Unauthenticated(QipanError):
    """Nobody is signed in, or the token does not hold."""

    code, status = "unauthenticated", 401


class Forbidden(QipanError):
    """The person has no right to do this here."""

    code, status = "forbidden", 403


class NotFound(QipanError):
    """There is no such thing, or it is not yours to see."""

    code, status = "not-found", 404


class Conflict(QipanError):
    """The thing has changed, or the same key was used for something else."""

    code, status = "conflict", 409


class IllegalTransition(Conflict):
    """The process does not allow this step from the state the case is in."""

    code = "illegal-transition"


class KeyReused(Conflict):
    """The idempotency key was used before with another body."""

    code = "key-reused"


class Unavailable(QipanError):
    """Nobody serves this at the moment; try again shortly."""

    code, status = "unavailable", 503


class DeadlineExceeded(Unavailable):
    """No answer came before the deadline; the request may or may not have been carried out."""

    code, status = "deadline-exceeded", 504


class OutboxFull(Unavailable):
    """Too many messages wait to be sent; try again when the broker has taken them."""

    code = "outbox-full"


class Internal(QipanError):
    """The service failed while it worked on this; its operators can see why."""


class RemoteFault(BaseModel):
    """How an error looks on the wire."""

    code: str
    detail: str
    faults: tuple[Fault, ...] = ()
    context: dict[str, Any] = Field(default_factory=dict)

    @classmethod
    def of(cls, error: BaseException) -> "RemoteFault":
        """What the caller may be told of `error`: only our own kinds speak; the rest is `internal`."""
        if isinstance(error, QipanError):
            return cls(code=error.code, detail=error.detail, faults=error.faults, context=error.context)
        return cls(code=Internal.code, detail=Internal().detail)

    def error(self) -> QipanError:
        """The typed error to raise on the caller's side; an unknown code is `Internal`."""
        kind = _by_code().get(self.code, Internal)
        return kind(self.detail, faults=self.faults, **self.context)


def _by_code() -> dict[str, type[QipanError]]:
    found: dict[str, type[QipanError]] = {}
    kinds = [QipanError]
    while kinds:
        kind = kinds.pop()
        found[kind.code] = kind
        kinds.extend(kind.__subclasses__())
    found[Internal.code] = Internal
    return found
