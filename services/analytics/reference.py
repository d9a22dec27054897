"""The reference of indicators: `python -m services.analytics.reference [--check]`."""

import sys

from qipan import generated
from qipan.tenancy.indicators import CASE_COUNTERS, INDICATORS, PENDING, REPORT_COUNTERS, Indicator
from services.analytics.league import DEFAULT

PAGE = "indicators.md"

_HEAD = """# Indicators, totals and the league

Each indicator is declared once, in `qipan/tenancy/indicators/standard.py`; the API, the league, the figures for
Prometheus and this page are made from that. They follow public implementations of GB/T 30428's evaluation; the
standard's own text was not readable, so no conformity is claimed. A rate with nothing to divide by is no value:
never 0, never 100 %. How to ask for them, publish the league and add one of a town's own:
[indicators](../howto/indicators.md).

<!-- made by `python -m services.analytics.reference`; do not edit -->

| indicator | | in words | formula | unit | better | source |
|---|---|---|---|---|---|---|
"""

_WORDS = """
*Due for disposal* is what was disposed of in the period, and what ran past its deadline in the period and still
waits; *due for closure*, *for dispatch* and *for inspection* are the same of those steps, closure being due by
the case's own deadline. Deadlines are counted in the tenant's working time, as each limit says. A disposal that
fails inspection is none until the next one, and an inspection or a dispatch that has to be repeated counts
again when it was. What waits becomes overdue in the hour after its deadline (by department, matter, cell and
channel: on the day after); no event is needed for that. A return is *unjustified* when a dispatcher refused it
and the district's arbiter did not set that aside ([returns](../howto/returns.md)). *Valid* is what was received
and not declined. An extension of rework counts, too; deferrals (缓办) and suspensions (挂账) are none. Voided cases
count as filed and voided, and as nothing else.

## Counters

| counter | what is counted, and at which moment |
|---|---|
"""

_TOTALS = """
## Totals

`analytics.totals` holds one row for each tenant, cut, bucket and member: by `hour`, by `day`, for `ever`, and
by day for each `department`, `matter`, `cell` (duty grid) and `channel`; for each `unit` for ever.
Hours and days are the tenant's own;
weeks (from Monday) and months are sums of days. The table lies in a partition a month of UTC; old ones can be
dropped ([old months](../operate/old-months.md)). The newest state of each case and report is kept beside them,
and an event changes the totals by the difference between the state it brings and the one known, in one
transaction: late, repeated and swapped events change nothing. A board is a few ranges of one index.

`qipan analytics recount --verify` counts everything again from the newest states and prints what differs;
without `--verify` it also mends it. Both may run beside live updates. The exit code is 1 when something
differed.

An exercise's figures lie under its shadow tenants (`sandun~ex7`) and never in a live board: the district's
board adds up live tenants only, an exercise's only those of that exercise.

## The league

Score = the weighted mean of the rates that have a value, of 100; where less is better 1 − rate counts. The
default weights are a real district's (Jinniu, Chengdu): {weights}. The district's settings `analytics.weight-…`
replace them, `analytics.league-days` (30) says how far the table looks back. Equal scores share a place.
"""


def as_text() -> str:
    """The page."""
    counters = {
        **REPORT_COUNTERS,
        **CASE_COUNTERS,
        **{name: f"{made.meaning}; made at reading" for name, made in PENDING.items()},
    }
    names = {indicator.id: indicator.name.en.lower() for indicator in INDICATORS}
    weights = ", ".join(f"{names[id].removesuffix(' rate')} {points:g}" for id, points in DEFAULT.items())
    return "".join(
        (
            _HEAD,
            *(_row(indicator) for indicator in INDICATORS),
            _WORDS,
            *(f"| `{name}` | {meaning} |\n" for name, meaning in counters.items()),
            _TOTALS.replace("{weights}", weights),
        )
    )


def _row(one: Indicator) -> str:
    better = "less" if one.less_is_better else "more"
    formula = f"{one.numerator} ÷ {one.denominator}"
    cells = (f"`{one.id}`", one.name.zh, one.formula.en, formula, one.unit.value, better, one.source)
    return f"| {' | '.join(cells)} |\n"


if __name__ == "__main__":
    sys.exit(generated.main(PAGE, as_text()))
