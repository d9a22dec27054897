"""Surges: more on a day than the season explains. Pure.

What is usual follows from the days before: their level, and how this day of the week differs from the others, drawn
towards no difference where there are few weeks. How far a count may lie above it follows from how widely counts
scatter: a square root makes the scatter of counts nearly the same at every level (Anscombe).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from math import sqrt
from statistics import fmean

LEARNED_DAYS = 182
"""Half a year of the days before tells how the days of the week differ."""

RECENT_DAYS = 56
"""The last eight weeks of them tell how widely counts scatter, and the last four the level."""

LEAST_DAYS = 14
"""With fewer days nothing can be said."""

LEAST_COUNT = 5
"""Fewer than so many are no surge, however rare the matter."""

Z = 3.0
"""How many standard deviations of √count above the usual one is a surge."""

_PRIOR_WEEKS = 2.0
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Normal:
    """What is usual on a day, and the most that the season explains."""

    usual: float
    limit: float

    def part(self, share: float) -> "Normal":
        """The same of the part of a day in which usually this share of it comes."""
        usual = self.usual * share
        scatter = sqrt(self.limit) - sqrt(self.usual)
        return Normal(usual, (sqrt(usual) + scatter) ** 2)

    def exceeded(self, count: int) -> bool:
        """Whether a count is a surge."""
        return count >= LEAST_COUNT and count > self.limit


def normal(day: date, counts: Mapping[date, int], since: date, z: float = Z) -> Normal | None:
    """What is usual on `day`, from the days before; None with too few of them.

    `counts` holds days with any; a day from `since` on that is missing had none. Earlier surges are cut down to what
    all but the highest twentieth of the days had, so that one does not hide the next.
    """
    first = max(since, day - LEARNED_DAYS * _DAY)
    days = [first + number * _DAY for number in range((day - first).days)]
    if len(days) < LEAST_DAYS:
        return None
    raw = [counts.get(one, 0) for one in days]
    cap = sorted(raw)[-1 - len(raw) // 20]
    kept = [float(min(count, cap)) for count in raw]
    factors = _factors(days, kept)
    level = fmean(kept[-28:]) / fmean(factors[one.weekday()] for one in days[-28:])
    usual = level * factors[day.weekday()]
    scatter = _scatter(days[-RECENT_DAYS:], kept[-RECENT_DAYS:], factors)
    return Normal(usual, (sqrt(usual) + z * scatter / 2) ** 2)


def _factors(days: Sequence[date], kept: Sequence[float]) -> list[float]:
    """How each day of the week differs from the mean; `days` follow one another."""
    mean = fmean(kept)
    if mean == 0:
        return [1.0] * 7
    factors = [1.0] * 7
    for first in range(7):
        of_day = kept[first::7]
        factor = (_PRIOR_WEEKS + sum(of_day) / mean) / (_PRIOR_WEEKS + len(of_day))
        factors[days[first].weekday()] = factor
    return factors


def _scatter(days: Sequence[date], kept: Sequence[float], factors: Sequence[float]) -> float:
    """The standard deviation of 2·√count around the usual one; of pure chance (Poisson) it is 1, the least."""
    mean = fmean(kept)
    residuals = [
        2 * (sqrt(count + 0.375) - sqrt(mean * factors[one.weekday()] + 0.375))
        for one, count in zip(days, kept, strict=True)
    ]
    return max(1.0, sqrt(fmean([residual**2 for residual in residuals])))
