"""The league table (晾晒榜): a weighted score, ranks with ties, and what each point was lost for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from qipan.tenancy import District
from qipan.tenancy.indicators import INDICATORS, Indicator, Unit

LESS_IS_BETTER = frozenset(indicator.id for indicator in INDICATORS if indicator.less_is_better)
"""Of these indicators 1 − rate earns the points."""

WEIGHABLE = tuple(indicator for indicator in INDICATORS if indicator.unit is not Unit.WORK_MINUTES)
"""What a league can weigh: rates, of which 1 is all."""

DEFAULT: Mapping[str, float] = {
    "disposal": 30,
    "on_time_disposal": 20,
    "rework": 20,
    "overdue_pending": 20,
    "extension": 10,
}
"""Jinniu district's (Chengdu) weights."""


@dataclass(frozen=True, slots=True)
class Line:
    """One indicator's part in a score; without a rate it has none."""

    indicator: str
    rate: float | None
    points: float
    earned: float | None

    @property
    def lost(self) -> float:
        """The points missed."""
        return 0.0 if self.earned is None else self.points - self.earned


@dataclass(frozen=True, slots=True)
class Score:
    """A score of 100, and how it came about; None when no indicator has a value."""

    value: float | None
    lines: tuple[Line, ...]


def rates(counts: Mapping[str, int], indicators: Sequence[Indicator] = INDICATORS) -> dict[str, float | None]:
    """Every indicator's value."""
    return {indicator.id: indicator.value(counts) for indicator in indicators}


def score(rates: Mapping[str, float | None], weights: Mapping[str, float]) -> Score:
    """Weigh the rates that there are; one without a value neither earns nor costs points."""
    lines = []
    for indicator, points in weights.items():
        rate = rates.get(indicator)
        good = rate if rate is None or indicator not in LESS_IS_BETTER else 1 - rate
        lines.append(Line(indicator, rate, points, None if good is None else points * good))
    counted = [line for line in lines if line.earned is not None]
    possible = sum(line.points for line in counted)
    if possible == 0:
        return Score(None, tuple(lines))
    return Score(round(100 * sum(line.earned or 0.0 for line in counted) / possible, 6), tuple(lines))


def ranks(scores: Sequence[float | None]) -> list[int | None]:
    """Places from 1; equals share a place and the next one is skipped. Who has no score has no place."""
    placed = [value for value in scores if value is not None]
    return [None if value is None else 1 + sum(other > value for other in placed) for value in scores]


def weights_of(district: District) -> dict[str, float]:
    """The weights that hold in a district: the default ones, or what its settings `analytics.weight-…` say."""
    chosen = {
        indicator.id: district.setting(
            district.id, setting_of(indicator.id), float(DEFAULT.get(indicator.id, 0))
        )
        for indicator in WEIGHABLE
    }
    return {indicator: points for indicator, points in chosen.items() if points > 0}


def setting_of(indicator: str) -> str:
    """The setting with which a pack weighs an indicator; 0 leaves it out."""
    return f"analytics.weight-{indicator.replace('_', '-')}"
