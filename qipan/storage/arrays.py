"""PostgreSQL's text of an array, for statements that take a whole batch: `unnest(CAST(:names AS text[]))`.

The driver writes arrays element by element in Python; for a batch of many columns that costs the most.
"""

from collections.abc import Iterable
from datetime import datetime


def texts(values: Iterable[str | None]) -> str:
    """An array of texts; whatever they hold stays one element each."""
    # Within quotes only a backslash and a quote mean something to PostgreSQL.
    return _braced(
        [
            "NULL" if value is None else '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
            for value in values
        ]
    )


def numbers(values: Iterable[float | None]) -> str:
    """An array of numbers."""
    return _braced(["NULL" if value is None else str(value) for value in values])


def instants(values: Iterable[datetime | None]) -> str:
    """An array of instants (timestamptz)."""
    return _braced(["NULL" if value is None else value.isoformat() for value in values])


def _braced(elements: list[str]) -> str:
    return "{" + ",".join(elements) + "}"
