"""Many rows in one statement: one array a column, unnested."""

from collections.abc import Mapping, Sequence
from typing import Any


def columns(names: Mapping[str, str], rows: Sequence[tuple[Any, ...]]) -> dict[str, list[Any]]:
    """Rows turned into one array a column, for `unnest`."""
    return {name: list(values) for name, values in zip(names, zip(*rows, strict=True), strict=True)}


def unnest(names: Mapping[str, str]) -> str:
    """The call that makes rows of them again; `names` are columns with their SQL types."""
    return "unnest(" + ", ".join(f"CAST(:{name} AS {kind}[])" for name, kind in names.items()) + ")"
