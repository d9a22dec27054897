"""Whether a report says again what an open one said: same matter, near in place and time, and alike in words.

Merging is cautious: a wrong merge hides a matter, a missed one only costs a second look. What is less alike than a
town wants for merging, but alike, is proposed to a person.
"""

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b
from operator import add

from qipan.territory.coordinates import metres_between

BUCKET_DEGREES = 0.001
"""Side of the squares by which open reports are indexed: about 100 metres."""

FARTHEST_METRES = 200.0
"""The most a town can ask for: it bounds how many squares a search touches."""

MEETING_BUCKETS = 5
"""Side, in buckets, of the squares in which replicas meet: about 500 metres, so that a report touches one to four."""

_COLUMNS = 360_000
_METRES_PER_DEGREE = 111_000
_NOT_SAID = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class Said:
    """What a report said, where (WGS-84 degrees) and when."""

    report_id: str
    tenant: str
    matter: str
    lon: float
    lat: float
    text: str
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Closeness:
    """How near is the same: metres, time, and the least likeness of the words (0 to 1); from `proposed` on, maybe."""

    metres: float
    within: timedelta
    likeness: float
    proposed: float = 1.0


@dataclass(frozen=True, slots=True)
class Alike:
    """An open original that may be the same, and how near it is: likeness of the words (0 to 1), metres, minutes."""

    said: Said
    likeness: float
    metres: float
    minutes: int

    @property
    def reasons(self) -> dict[str, str]:
        """Why it may be the same, in words."""
        share, metres, minutes = round(self.likeness * 100), round(self.metres), self.minutes
        return {
            "zh": f"事项相同，相距 {metres} 米，相隔 {minutes} 分钟，文字相似 {share}%",
            "en": f"same matter, {metres} m and {minutes} min apart, words {share} % alike",
        }

    def kept(self) -> dict[str, object]:
        """As a report's row keeps it."""
        return {
            "report_id": self.said.report_id,
            "likeness": round(self.likeness, 3),
            "metres": round(self.metres, 1),
            "minutes": self.minutes,
            "reasons": self.reasons,
        }


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle of degrees around a point that holds everything near it."""

    west: float
    south: float
    east: float
    north: float

    @classmethod
    def around(cls, lon: float, lat: float, metres: float) -> "Box":
        """The box of what lies within `metres` (at most `FARTHEST_METRES`), a little wider."""
        high = min(metres, FARTHEST_METRES) / _METRES_PER_DEGREE
        wide = high / max(math.cos(math.radians(lat)), 0.2)
        return cls(lon - wide, lat - high, lon + wide, lat + high)

    def buckets(self) -> Iterator[int]:
        """The squares that it touches."""
        west, east = _step(self.west + 180), _step(self.east + 180)
        for row in range(_step(self.south + 90), _step(self.north + 90) + 1):
            yield from range(row * _COLUMNS + west, row * _COLUMNS + east + 1)


def bucket_of(lon: float, lat: float) -> int:
    """The number of the square that holds the point."""
    return _step(lat + 90) * _COLUMNS + _step(lon + 180)


def meeting_places(report: Said, closeness: Closeness) -> frozenset[int]:
    """The numbers (64 bits, signed) of the places at which two that say the same must meet.

    Each takes all that its surroundings touch, so the place of either is among both's. The numbers are the same
    in every process; two places that share one by chance only wait for each other.
    """
    box = Box.around(report.lon, report.lat, closeness.metres)
    squares = {
        (bucket // _COLUMNS // MEETING_BUCKETS, bucket % _COLUMNS // MEETING_BUCKETS)
        for bucket in box.buckets()
    }
    return frozenset(
        int.from_bytes(
            blake2b(f"{report.tenant} {report.matter} {row} {column}".encode(), digest_size=8).digest(),
            signed=True,
        )
        for row, column in squares
    )


class OpenReports:
    """Open originals by tenant, matter and square."""

    def __init__(self, reports: Iterable[Said] = ()) -> None:
        self._squares: dict[tuple[str, str, int], list[Said]] = {}
        for said in reports:
            self.add(said)

    def add(self, said: Said) -> None:
        """One more original."""
        key = (said.tenant, said.matter, bucket_of(said.lon, said.lat))
        self._squares.setdefault(key, []).append(said)

    def alike(self, report: Said, closeness: Closeness) -> list[Alike]:
        """Those that are or may be the same as `report`, the earliest first."""
        box = Box.around(report.lon, report.lat, closeness.metres)
        found = [
            alike
            for bucket in box.buckets()
            for said in self._squares.get((report.tenant, report.matter, bucket), ())
            if (alike := _alike(report, said, closeness)) is not None
        ]
        return sorted(found, key=lambda one: (one.said.received_at, one.said.report_id))

    def original_of(self, report: Said, closeness: Closeness) -> Said | None:
        """The earliest of them that says the same as `report`, or None."""
        return next(
            (one.said for one in self.alike(report, closeness) if one.likeness >= closeness.likeness), None
        )


def likeness(one: str, other: str) -> float:
    """How alike two texts are, 0 to 1: the neighbouring characters that they have in common (Dice)."""
    a, b = _pairs(one), _pairs(other)
    if not a or not b:
        return float(one.casefold() == other.casefold())
    return 2 * len(a & b) / (len(a) + len(b))


def _pairs(text: str) -> set[str]:
    kept = _NOT_SAID.sub("", text.casefold())
    return set(map(add, kept, kept[1:]))


def _alike(report: Said, candidate: Said, closeness: Closeness) -> Alike | None:
    apart = abs(report.received_at - candidate.received_at)
    if candidate.report_id == report.report_id or apart > closeness.within:
        return None
    metres = metres_between((report.lon, report.lat), (candidate.lon, candidate.lat))
    if metres > closeness.metres:
        return None
    share = likeness(report.text, candidate.text)
    if share < min(closeness.likeness, closeness.proposed):
        return None
    return Alike(candidate, share, metres, round(apart.total_seconds() / 60))


def _step(degrees: float) -> int:
    return math.floor(degrees / BUCKET_DEGREES)
