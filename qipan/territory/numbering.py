"""Cell codes: 15 digits, 6 division + 3 street + 3 community + 3 sequence, west→east, north→south."""

import math
from collections.abc import Sequence

Point = tuple[float, float]


def reading_order(points: Sequence[Point]) -> list[int]:
    """The indexes of `points` as one would read them: rows from north to south, each from west to east."""
    southward = sorted(range(len(points)), key=lambda i: (-points[i][1], points[i][0], i))
    width = max(1, math.ceil(math.sqrt(len(points))))
    order: list[int] = []
    for start in range(0, len(southward), width):
        order += sorted(southward[start : start + width], key=lambda i: (points[i][0], -points[i][1], i))
    return order


def numbered(points: Sequence[Point], prefix: str) -> list[str]:
    """A code for each point, in the points' order: `prefix` and three digits by reading order."""
    if len(points) > 999:
        raise ValueError(f"three digits cannot number {len(points)} cells under {prefix}")
    codes = [""] * len(points)
    for number, index in enumerate(reading_order(points), start=1):
        codes[index] = f"{prefix}{number:03d}"
    return codes
