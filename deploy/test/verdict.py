"""What the figures amount to. Pure."""

from collections.abc import Mapping
from typing import Any

MUST_BE_ZERO = ("lost", "duplicate_effects", "unanswered", "dead_letters", "invisible")
MUST_BE_EMPTY = ("holes", "compilers", "left_behind", "not_upgraded", "after_the_visit")
MUST_NOT_BE_ZERO = ("accepted", "filed", "closed", "served_by_the_town", "served_by_the_core")
REPLICAS = 3


def broken(figures: Mapping[str, Any]) -> list[str]:
    """What does not hold, in words; a figure that is missing does not hold."""
    found = [f"{name}: {figures.get(name, 'not counted')}" for name in MUST_BE_ZERO if figures.get(name) != 0]
    found += [
        f"{name}: {figures.get(name, 'not looked at')}" for name in MUST_BE_EMPTY if figures.get(name) != []
    ]
    found += [f"no {name}" for name in MUST_NOT_BE_ZERO if not figures.get(name)]
    if figures.get("visible") != figures.get("accepted"):
        found.append(f"visible: {figures.get('visible')} of {figures.get('accepted')} accepted")
    if figures.get("replicas") != REPLICAS:
        found.append(f"replicas: {figures.get('replicas')} instead of {REPLICAS}")
    return found
