"""One indicator: a formula over counters, with its words and where it comes from."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from qipan.tenancy.words import Words


class Unit(StrEnum):
    """What an indicator's value is."""

    SHARE = "share"  # of 1: 0.5 is half
    RATIO = "ratio"  # how many for each one, may exceed 1
    WORK_MINUTES = "work-minutes"  # minutes of the tenant's working time


@dataclass(frozen=True, slots=True)
class Sum:
    """Counters added and taken away."""

    plus: tuple[str, ...]
    minus: tuple[str, ...] = ()

    def of(self, counts: Mapping[str, int]) -> int:
        """The sum; a counter that is not there is 0."""
        return sum(counts.get(name, 0) for name in self.plus) - sum(
            counts.get(name, 0) for name in self.minus
        )

    def __str__(self) -> str:
        return " − ".join((" + ".join(self.plus), *self.minus))


@dataclass(frozen=True, slots=True)
class Indicator:
    """A rate between two sums. `formula` says it in words, `source` where it comes from.

    `less_is_better`: in the league 1 − rate earns the points.
    """

    id: str
    name: Words
    numerator: Sum
    denominator: Sum
    formula: Words
    unit: Unit = Unit.SHARE
    source: str = "GB/T 30428 practice"
    less_is_better: bool = False

    def value(self, counts: Mapping[str, int]) -> float | None:
        """The rate; None where there is nothing to divide by, which is neither 0 nor 100 %."""
        below = self.denominator.of(counts)
        return self.numerator.of(counts) / below if below > 0 else None
