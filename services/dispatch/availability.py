"""Who is there: what choosing needs to know of shifts, whereabouts and the operating mode, and nothing more."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from qipan.tenancy.condition import PEACETIME
from qipan.territory.coordinates import Point


@dataclass(frozen=True, slots=True)
class Presence:
    """One worker now. `why` says in words what keeps one who is not available, `rule` which rule that is by.

    Rules: `available` (the shift that they signed on for), `roster` (their planned ones). `at` is the last place
    known, given only of people on shift, who alone are located.
    """

    available: bool = True
    why: str = ""
    at: Point | None = None
    rule: str = "available"


@dataclass(frozen=True, slots=True)
class Availability:
    """One tenant's field now: its workers of whom something is known, by id, and its operating mode (平战模式).

    Of whom nothing is said, nothing is against: such a worker counts as available.
    """

    workers: Mapping[str, Presence] = field(default_factory=dict)
    mode: str = PEACETIME


EVERYBODY = Availability()
"""Where nothing is known of anybody, everybody is there."""
