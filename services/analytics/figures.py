"""From counts by member and time to the figures that were asked for. Pure."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from qipan.contracts.errors import Fault, Invalid
from qipan.contracts.figures import Declared, Figure, Value
from qipan.tenancy.indicators import INDICATORS, Indicator
from services.analytics.totals import Counts, Cut

BY: Mapping[str, Cut | None] = {
    "tenant": None,
    "department": Cut.DEPARTMENT,
    "matter": Cut.MATTER,
    "cell": Cut.CELL,
    "channel": Cut.CHANNEL,
}
"""By what figures can be asked for, and the cut of the totals that has it; tenants have cuts of their own."""

MOST_ROWS = 20_000
"""Rows of one answer; no more are read, either."""

Part = tuple[datetime, datetime]


def chosen(asked: Sequence[str], known: Sequence[Indicator]) -> tuple[Indicator, ...]:
    """The indicators of these ids, all without any; Invalid names every one that does not exist."""
    by_id = {indicator.id: indicator for indicator in known}
    unknown = [id for id in asked if id not in by_id]
    if unknown:
        allowed = ", ".join(by_id)
        raise Invalid(
            faults=tuple(
                Fault(where="indicators", what=f"there is no indicator {id!r}", allowed=allowed)
                for id in unknown
            )
        )
    return tuple(by_id[id] for id in dict.fromkeys(asked)) or tuple(known)


def cut_by(by: str, every: str) -> Cut | None:
    """The cut that has what is asked for by; Invalid says what there is."""
    if by not in BY:
        what = f"nothing is counted by {by!r}"
        raise Invalid(faults=(Fault(where="by", what=what, allowed=", ".join(BY)),))
    if every == "hour" and by != "tenant":
        what = f"by {by} there are days, no hours"
        raise Invalid(faults=(Fault(where="every", what=what, allowed="whole, day, week, month"),))
    return BY[by]


def counters_of(indicators: Iterable[Indicator]) -> frozenset[str]:
    """The counters that these indicators are made of."""
    sums = [part for one in indicators for part in (one.numerator, one.denominator)]
    return frozenset(name for part in sums for name in (*part.plus, *part.minus))


def rows(
    counted: Iterable[tuple[str, datetime, Counts]],
    parts: Sequence[Part],
    indicators: Sequence[Indicator],
    *,
    counts_too: bool = False,
) -> tuple[Figure, ...]:
    """The figures of each member and part, in order; Invalid when there are more than can be shown."""
    starts = [since for since, _ in parts]
    sums: dict[tuple[str, int], Counts] = {}
    for member, bucket, counts in counted:
        into = sums.setdefault((member, bisect_right(starts, bucket) - 1), {})
        for counter, count in counts.items():
            into[counter] = into.get(counter, 0) + count
    if len(sums) > MOST_ROWS:
        what = f"more than {MOST_ROWS} rows are too many at once"
        raise Invalid(faults=(Fault(where="every", what=what, allowed=f"at most {MOST_ROWS}"),))
    return tuple(
        Figure(
            member=member,
            since=parts[part][0],
            until=parts[part][1],
            values=_values(counts, indicators),
            counts={name: count for name, count in counts.items() if count} if counts_too else {},
        )
        for (member, part), counts in sorted(sums.items())
    )


def declared(indicators: Sequence[Indicator]) -> tuple[Declared, ...]:
    """How the indicators are declared, for whoever asks."""
    standard = {indicator.id for indicator in INDICATORS}
    return tuple(
        Declared(
            id=one.id,
            name={"zh": one.name.zh, "en": one.name.en},
            formula={"zh": one.formula.zh, "en": one.formula.en},
            numerator=str(one.numerator),
            denominator=str(one.denominator),
            unit=one.unit.value,
            source=one.source,
            less_is_better=one.less_is_better,
            own=one.id not in standard,
        )
        for one in indicators
    )


def _values(counts: Counts, indicators: Sequence[Indicator]) -> dict[str, Value]:
    return {
        one.id: Value(
            value=one.value(counts), above=one.numerator.of(counts), below=one.denominator.of(counts)
        )
        for one in indicators
    }
