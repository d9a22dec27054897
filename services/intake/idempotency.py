"""The idempotency key in a request's header."""

from starlette.requests import Request

from qipan.contracts.errors import Fault

LONGEST_KEY = 128


def key_of(request: Request) -> tuple[str | None, tuple[Fault, ...]]:
    """The key, if one was sent, and what is wrong with it."""
    key = request.headers.get("idempotency-key")
    if key is None or (0 < len(key) <= LONGEST_KEY and key.isascii() and key.isprintable()):
        return key, ()
    return None, (
        Fault(
            where="Idempotency-Key",
            what="does not have the right form",
            allowed=f"1 to {LONGEST_KEY} ASCII characters",
        ),
    )
