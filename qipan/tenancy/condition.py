"""Conditions of a pack: for which matters, where, when, how bad and in which operating mode something holds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time

PEACETIME, EMERGENCY = "peacetime", "emergency"
"""The operating modes (平战模式)."""

Hours = tuple[time, time]
"""A span of the day in local time; one that ends before it begins crosses midnight."""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a condition is compared with. `cells` by layer, `local` the tenant's own time of day."""

    matter: str
    severity: str
    cells: Mapping[str, str]
    channel: str
    local: time
    mode: str = PEACETIME


@dataclass(frozen=True, slots=True)
class Condition:
    """What must all be so. What is empty or None does not matter.

    `matters` and the codes of `cells` (by layer) are written out, or end in `*`: whatever begins so.
    """

    matters: tuple[str, ...] = ()
    cells: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    severities: frozenset[str] = frozenset()
    channels: frozenset[str] = frozenset()
    hours: tuple[Hours, ...] = ()
    mode: str | None = None

    def concerns(self, matter: str) -> bool:
        """Whether it can hold for this matter at all."""
        return not self.matters or matches(self.matters, matter)

    def holds(self, now: Circumstances) -> bool:
        """Whether all of it is so."""
        return (
            self.concerns(now.matter)
            and (self.mode is None or self.mode == now.mode)
            and (not self.severities or now.severity in self.severities)
            and (not self.channels or now.channel in self.channels)
            and all(matches(codes, now.cells.get(layer, "")) for layer, codes in self.cells.items())
            and (not self.hours or any(within(span, now.local) for span in self.hours))
        )

    @property
    def narrowness(self) -> tuple[int, int]:
        """How particular it is, to be compared: of how many kinds of things it speaks, then how exactly."""
        spoken = (self.matters, self.cells, self.severities, self.channels, self.hours, self.mode)
        written = [code for codes in (self.matters, *self.cells.values()) for code in codes]
        return sum(map(bool, spoken)), min((len(code.rstrip("*")) for code in written), default=0)

    def __str__(self) -> str:
        parts = [" or ".join(self.matters)] if self.matters else []
        parts += [f"{layer} {' or '.join(codes)}" for layer, codes in self.cells.items()]
        parts += [" or ".join(sorted(words)) for words in (self.severities, self.channels) if words]
        parts += (
            [" or ".join(f"{start:%H:%M}-{end:%H:%M}" for start, end in self.hours)] if self.hours else []
        )
        return ", ".join([*parts, *([self.mode] if self.mode else [])]) or "always"


def matches(patterns: tuple[str, ...], code: str) -> bool:
    """Whether a code is one of those written out, or begins as one that ends in `*`."""
    return any(code.startswith(p[:-1]) if p.endswith("*") else code == p for p in patterns)


def within(span: Hours, at: time) -> bool:
    """Whether a time of day lies in a span; its end is outside, equal ends mean the whole day."""
    start, end = span
    return start <= at < end if start < end else at >= start or at < end
