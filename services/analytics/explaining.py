"""Why points were lost: each case's share in every line of a score, which add up to the lost points. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from qipan.contracts.figures import LostCase, ScoreLine
from qipan.tenancy.indicators import PENDING, Indicator
from services.analytics.facts import CaseFacts, Moment
from services.analytics.league import Line, Score
from services.analytics.totals import Counts

SHOWN = 20
"""Cases shown for a line; of the others there is the number."""

_MADE = {made.stored: name for name, made in PENDING.items()}


class Counting(Protocol):
    """The state of one thing, which counts for something."""

    @property
    def key(self) -> tuple[str, str]: ...

    def moments(self) -> dict[Moment, int]: ...


@dataclass(frozen=True, slots=True)
class Window:
    """What counts: moments in `since` ≤ at < `until`; what waits, where its deadline was before `over`."""

    since: datetime
    until: datetime
    over: datetime

    def counts(self, facts: Counting) -> Counts:
        """What one thing counts for within the window."""
        counts: Counts = {}
        for (_, at, counter), count in facts.moments().items():
            if not self.since <= at < self.until:
                continue
            counts[counter] = counts.get(counter, 0) + count
            if counter in _MADE and at < self.over:
                counts[_MADE[counter]] = counts.get(_MADE[counter], 0) + count
        return counts


@dataclass(slots=True)
class Ledger:
    """What every thing contributes to each indicator: how much of it is bad, of how much."""

    below: dict[str, int] = field(default_factory=dict)
    bad: dict[str, list[tuple[int, tuple[str, str], bool]]] = field(default_factory=dict)


def ledger(things: Iterable[Counting], indicators: Sequence[Indicator], window: Window) -> Ledger:
    """Go through everything once. `things` that count for nothing within the window are left out."""
    found = Ledger()
    for thing in things:
        counts = window.counts(thing)
        if not counts:
            continue
        for one in indicators:
            above, below = one.numerator.of(counts), one.denominator.of(counts)
            found.below[one.id] = found.below.get(one.id, 0) + below
            bad = above if one.less_is_better else below - above
            if bad:
                entry = (bad, thing.key, isinstance(thing, CaseFacts))
                found.bad.setdefault(one.id, []).append(entry)
    return found


def explained(score: Score, found: Ledger) -> tuple[ScoreLine, ...]:
    """The score's lines with the cases that cost their points, the dearest first."""
    return tuple(_line(line, found) for line in score.lines)


def costs(line: Line, found: Ledger) -> Mapping[tuple[str, str], float]:
    """What each thing cost of a line's points; they add up to what the line lost."""
    below = found.below.get(line.indicator, 0)
    if line.earned is None or below <= 0:
        return {}
    return {key: line.points * bad / below for bad, key, _ in found.bad.get(line.indicator, ())}


def _line(line: Line, found: Ledger) -> ScoreLine:
    cases = {key for _, key, is_case in found.bad.get(line.indicator, ()) if is_case}
    spent = sorted(costs(line, found).items(), key=lambda item: (-item[1], item[0]))
    shown = [(key, points) for key, points in spent if key in cases][:SHOWN]
    return ScoreLine(
        indicator=line.indicator,
        rate=line.rate,
        points=line.points,
        earned=line.earned,
        lost=line.lost,
        cases=tuple(
            LostCase(tenant=tenant, case_id=case_id, points=points) for (tenant, case_id), points in shown
        ),
        more=len(spent) - len(shown),
    )
