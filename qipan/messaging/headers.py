"""What may go along when a message is published again: moved, tried later, kept as dead, or redriven."""

from collections.abc import Mapping
from typing import Any

_ROUTING = frozenset({"CC", "BCC"})


def carried_on(headers: Mapping[str, Any]) -> dict[str, Any]:
    """The headers without what the broker wrote or would act upon.

    A copied `x-death` makes the broker drop the message as a cycle; `CC` and `BCC` would route it once more,
    now with the rights of whoever publishes it again. A name that is not text is nobody's.
    """
    return {
        name: value
        for name, value in headers.items()
        if isinstance(name, str) and not name.startswith("x-") and name not in _ROUTING
    }
