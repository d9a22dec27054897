"""Derives what the four tiers of load need from the measured CPU of a case, for docs/operate/scaling.md.

`python -m scripts.scaling` writes the page's tables between its marks, `--check` only says whether they are what
they would be. Nobody writes one of these figures by hand.
"""

import json
import math
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "operate" / "scaling.md"
MEASURED = ROOT / "docs" / "figures" / "bench.json"

STEPS = 10
"""Lifecycle events a case, each a call that writes."""
READS = (10, 50)
"""Reads to a write, at the least and at the most."""
CORES_MEASURED = 2
"""Of the machine on which calls a second were measured, all of them busy: an upper bound of what a call costs."""
BUSY = 0.5
"""How busy a core may be at the peak, so that a machine may be lost."""
CORES_A_MACHINE = 16
CORE_MONTH = 150
"""Yuan for a core and its four gigabytes, a month: an assumption, to be replaced by one's own price."""


@dataclass(frozen=True, slots=True)
class Tier:
    """How much is to be planned for: cases on an ordinary day, new cases and field positions a second at the peak."""

    name: str
    cases_a_day: int
    peak_cases: int
    positions: int


TIERS = (
    Tier("district, 1.1 M people", 1_500, 5, 170),
    Tier("city, 12 M", 16_000, 50, 2_000),
    Tier("province, 65 M", 90_000, 300, 6_000),
    Tier("nation, 1.4 B", 2_000_000, 2_000, 75_000),
)

PARTS = {
    "door": "door",
    "triage": "intake",
    "dispatch": "dispatch",
    "analytics": "analytics",
    "notify": "notify",
    "relay": "the relays together",
    "broker": "broker",
    "database": "database",
}

Measured = Mapping[str, Any]


def call_ms(measured: Measured) -> float:
    """CPU of one call through gateway-side client, broker, service and database, in ms; whoever asks is in it."""
    return float(1000 * CORES_MEASURED / measured["calls"]["ours"]["calls_per_s"])


def budget(measured: Measured) -> Mapping[str, float]:
    """CPU of filing one case by part, in ms."""
    found: Mapping[str, float] = measured["pairs"]["single"]["ours"]["budget_ms"]
    return found


def cores(tier: Tier, measured: Measured) -> dict[str, tuple[float, float]]:
    """Cores that are busy at the tier's peak, at the least and at the most, by kind of work."""
    call = call_ms(measured) / 1000
    writes = tier.peak_cases * STEPS * call
    filing = tier.peak_cases * sum(budget(measured).values()) / 1000
    positions = tier.positions * call
    return {
        "filing": (filing, filing),
        "people's steps": (writes, writes),
        "reads": (writes * READS[0], writes * READS[1]),
        "positions": (positions, positions),
    }


def ordinary(tier: Tier, measured: Measured) -> tuple[float, float]:
    """Cores that an ordinary day keeps busy on its average, without positions."""
    case = sum(budget(measured).values()) / 1000
    steps = STEPS * call_ms(measured) / 1000
    at_the = [tier.cases_a_day * (case + steps * (1 + reads)) / 86_400 for reads in READS]
    return at_the[0], at_the[1]


def regions(measured: Measured) -> dict[str, str]:
    """The page's tables, by their marks' names."""
    return {"one": _one(measured), "peak": _peak(measured), "machines": _machines(measured)}


def rendered(text: str, measured: Measured) -> str:
    """The page with every table made anew."""
    made = regions(measured)

    def fill(found: re.Match[str]) -> str:
        return f"{found[1]}{made[found[2]]}\n{found[3]}"

    return re.sub(r"(<!-- scaling:(\w+) -->\n).*?(<!-- /scaling -->)", fill, text, flags=re.DOTALL)


def _one(measured: Measured) -> str:
    rows = [
        (name, _number(budget(measured)[part]), f"{_number(1000 / budget(measured)[part])}")
        for part, name in PARTS.items()
    ]
    rows.append(
        ("a call, all that it touches", _number(call_ms(measured)), _number(1000 / call_ms(measured)))
    )
    return _table(("part", "ms CPU a case", "cases a second and core"), rows)


def _peak(measured: Measured) -> str:
    rows = []
    for tier in TIERS:
        busy = cores(tier, measured)
        least, most = (sum(each[side] for each in busy.values()) for side in (0, 1))
        rows.append(
            (
                tier.name,
                f"{tier.peak_cases:,} · {tier.positions:,}",
                *(_range(*busy[kind]) for kind in ("filing", "people's steps", "reads", "positions")),
                _range(least, most),
            )
        )
    head = (
        "tier",
        "new cases · positions a second",
        "filing",
        "people's steps",
        "reads",
        "positions",
        "busy cores",
    )
    return _table(head, rows)


def _machines(measured: Measured) -> str:
    rows = []
    for tier in TIERS:
        busy = cores(tier, measured)
        needed = [math.ceil(sum(each[side] for each in busy.values()) / BUSY) for side in (0, 1)]
        machines = [max(3, math.ceil(count / CORES_A_MACHINE)) for count in needed]
        usual = ordinary(tier, measured)
        rows.append(
            (
                tier.name,
                _range(*needed),
                _range(*machines),
                _range(*(count * CORES_A_MACHINE * CORE_MONTH for count in machines)),
                _range(*usual),
            )
        )
    head = (
        "tier",
        f"cores at {BUSY:.0%} load",
        f"machines of {CORES_A_MACHINE} cores",
        "yuan a month",
        "busy on an ordinary day's average",
    )
    return _table(head, rows)


def _range(least: float, most: float) -> str:
    low, high = _number(least), _number(most)
    return low if low == high else f"{low} – {high}"


def _number(value: float) -> str:
    """Two significant digits, or three of a small one: it is derived, not measured."""
    if value >= 100:
        digits = 2 - math.ceil(math.log10(value))
        return f"{round(value, digits):,.0f}"
    return f"{value:.2g}" if value >= 1 else f"{value:.2f}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---", *(["---:"] * (len(head) - 1))], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main(arguments: Sequence[str]) -> int:
    """Write the page, or with `--check` compare it; returns an exit status."""
    text = PAGE.read_text(encoding="utf-8")
    wanted = rendered(text, json.loads(MEASURED.read_text(encoding="utf-8")))
    if "--check" not in arguments:
        PAGE.write_text(wanted, encoding="utf-8")
        return 0
    if text == wanted:
        return 0
    sys.stderr.write(f"{PAGE.name}: run `python -m scripts.scaling`\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
