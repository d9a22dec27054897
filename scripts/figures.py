"""Puts measured figures into README.md, between its `<!-- figures:… -->` marks, from docs/figures/*.json.

`python scripts/figures.py --take` first copies there what `make demo|replay|faults|deliveries|bench|watch-test` left in
var/; `--check` changes nothing and only says whether README is what it would be. Nobody writes a figure by hand.
"""

import argparse
import json
import re
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
FIGURES = ROOT / "docs" / "figures"
TAKEN_FROM = ROOT / "var"

REGION = re.compile(r"(<!-- figures:([a-z]+) -->\n).*?(<!-- /figures -->)", re.DOTALL)
UNKNOWN = "—"

Figures = Mapping[str, Any]
Rows = Sequence[tuple[str, str]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Write README's regions, or with `--check` compare them; returns an exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; 1 when README is out of date")
    parser.add_argument("--take", action="store_true", help="first copy what make left in var/")
    options = parser.parse_args(arguments)
    if options.take:
        take(TAKEN_FROM, FIGURES)
    there = README.read_text(encoding="utf-8")
    wanted = rendered(there, FIGURES)
    if options.check:
        if there != wanted:
            sys.stderr.write(
                "README.md does not say what docs/figures says: run `python scripts/figures.py`\n"
            )
        return int(there != wanted)
    README.write_text(wanted, encoding="utf-8")
    return 0


def take(source: Path, into: Path) -> list[str]:
    """Copy the results that are there; returns their names."""
    names = [name for name in REGIONS if (source / f"{name}.json").is_file()]
    into.mkdir(parents=True, exist_ok=True)
    for name in names:
        shutil.copyfile(source / f"{name}.json", into / f"{name}.json")
    return names


def rendered(text: str, folder: Path) -> str:
    """The text with every region made anew; KeyError for a region that nobody knows how to fill."""

    def fill(found: re.Match[str]) -> str:
        opening, name, closing = found.groups()
        return f"{opening}{region(name, folder)}\n{closing}"

    return REGION.sub(fill, text)


def region(name: str, folder: Path) -> str:
    """What stands between the marks of one region."""
    show, file = REGIONS[name], folder / f"{name}.json"
    if not file.is_file():
        return f"Not measured yet: `make {name}` measures it."
    return show(json.loads(file.read_text(encoding="utf-8")))


def demo(found: Figures) -> str:
    """One day of the district."""
    served = found.get("served_by", {})
    own = [tenant for tenant, instance in served.items() if f"@{tenant}" in instance]
    rows = [
        ("submitted · accepted · refused", several(found, "submitted", "accepted", "refused")),
        ("accepted, and seen in exactly one state", number(found.get("visible"))),
        ("cases filed · closed · still open", several(found, "filed", "closed", "open")),
        (
            "lost · duplicate effects · dead letters",
            several(found, "lost", "duplicate_effects", "dead_letters"),
        ),
        (
            "towns served · by a dispatch of their own",
            f"{number(len(served) or None)} · {', '.join(own) or UNKNOWN}",
        ),
        ("messages to people", number(found.get("notifications"))),
        (
            "filed to closed, median · 9 of 10, the town's hours",
            _hours(at(found, "durations", "filed_to_closed")),
        ),
        ("domain seconds in a real second", number(found.get("rate"))),
        ("real seconds, servers' start to last check", number(found.get("real_seconds"))),
    ]
    return table(("One day of Xihu", "`make demo`"), rows) + _short(found.get("missed"))


def replay(found: Figures) -> str:
    """Another city's rows through the public API."""
    rows = [
        ("rows", number(found.get("rows"))),
        ("accepted · refused · unanswered", several(found, "accepted", "refused", "unanswered")),
        *((f"refused: `{reason}`", number(count)) for reason, count in found.get("by_reason", {}).items()),
        ("cases filed", number(at(found, "books", "filed"))),
        ("lost · duplicate effects", several(found.get("books", {}), "lost", "duplicate_effects")),
        ("real seconds", number(found.get("real_seconds"))),
    ]
    return table((f"`{found.get('file', '')}`", "`make replay`"), rows)


def faults(found: Figures) -> str:
    """What was broken under load, and what became of it."""
    struck = ", ".join(f"{name} ×{count}" for name, count in sorted(found.get("faults", {}).items()))
    takeover = found.get("takeover", {})
    rows = [
        ("reports acknowledged", number(found.get("acknowledged"))),
        ("lost · duplicate effects", several(found, "lost", "duplicate_effects")),
        (
            "timers fired · twice · missed",
            several(found, "timers_fired", "timers_fired_twice", "timers_missed"),
        ),
        ("totals that differ from a recount", number(found.get("recount_differences"))),
        (
            "seen by another tenant · live figures with an exercise in them",
            several(found, "seen_by_another_tenant", "shadow_in_live_figures"),
        ),
        ("poison put in · dead letters", several(found, "poisoned", "dead_letters")),
        ("deliveries repeated on purpose", number(found.get("deliveries_repeated"))),
        (
            "while the broker was down: reports acknowledged · posts not answered",
            several(found.get("posts_while_broker_down", {}), "acknowledged", "unanswered"),
        ),
        (
            "take-over under load: calls answered · failed in the killed one's hands · failed beyond",
            several(takeover, "calls_answered", "failed_in_flight_of_the_killed", "failed_beyond"),
        ),
        (
            "people's commands answered · without effect",
            several(found, "commands_answered", "commands_without_effect"),
        ),
        ("mails taken by the server · lost", several(found, "mails_taken", "mails_lost")),
        *(
            (
                f"control, {guard.replace('_', ' ')}: lost · doubled in the product · in a subscriber without keys",
                several(control, "lost", "product_doubles", "tally_doubles"),
            )
            for guard, control in found.get("controls", {}).items()
        ),
        ("struck", struck or UNKNOWN),
        *_across_hosts(found.get("cluster", {})),
    ]
    return table(("Everything broken, under load", "`make faults`"), rows) + _short(found.get("broken"))


def _across_hosts(found: Figures) -> Rows:
    struck = ", ".join(f"{name} ×{count}" for name, count in sorted(found.get("faults", {}).items()))
    return (
        (
            "three nodes on hosts of their own: events confirmed · lost · duplicate effects",
            several(found, "confirmed", "lost", "duplicate_effects"),
        ),
        (
            "longest gap without a confirm · a delivery · an answer, seconds",
            several(
                found,
                "longest_gap_without_a_confirm",
                "longest_gap_without_a_delivery",
                "longest_gap_without_an_answer",
            ),
        ),
        (
            "calls answered · refused at once · lost in hand or late",
            several(found, "calls_answered", "calls_unavailable", "calls_without_answer"),
        ),
        (
            "control, neither outbox nor inbox: lost · duplicate effects",
            several(found.get("control", {}), "lost", "duplicate_effects"),
        ),
        ("struck there", struck or UNKNOWN),
    )


def bench(found: Figures) -> str:
    """Ours against a raw pipeline of the same hops and rows."""
    rows = [
        *_pair(found, "single", "cpu_ratio_single", "one report a request"),
        *_pair(found, "bulk", "cpu_ratio_bulk", "reports in batches"),
        ("cost a case with 100,000 stored ÷ with 1,000", number(found.get("growth_100k"))),
        ("cost a case with 200 towns ÷ with 10", number(found.get("growth_towns"))),
        (
            "… with towns' own dispatch · on the core",
            " · ".join(number(at(found, "towns", way, "ratio")) for way in ("own", "core")),
        ),
        ("locating a point among 100,000 cells ÷ among 10", number(found.get("locating_100k_cells"))),
        (
            "p90 minutes to arrival: nearest first · one by one · matched · hindsight",
            _by_way(found, "p90_arrival"),
        ),
        (
            "fairness of load (Jain): nearest first · one by one · matched · hindsight",
            _by_way(found, "fairness"),
        ),
        ("calls a second, ours · a bare echo", _both(found, "calls_per_s")),
        ("a call's p99 in ms, ours · a bare echo", _both(found, "p99_ms")),
        (
            "accepted → on the worker's list at half load, p50 · p99 in ms · not there in 5 s",
            several(found.get("accepted_to_list", {}), "p50_ms", "p99_ms", "missed"),
        ),
        ("measured on", str(found.get("machine", UNKNOWN))),
    ]
    shown = table(("What a case costs", "`make bench`"), rows)
    budget = at(found, "pairs", "single", "ours", "budget_ms") or {}
    if budget:
        spent = sorted(budget.items(), key=lambda each: -each[1])
        shown += "\n\n" + table(
            ("Where the CPU of a case goes, one report a request", "ms"),
            [(layer, number(cost)) for layer, cost in spent],
        )
    return shown + ("\n\nThis was a quick run, to see that it works." if found.get("quick") else "")


def watch(found: Figures) -> str:
    """The district under a real Prometheus."""
    alerts = found.get("alerts", {})
    settled = [
        name
        for name, times in alerts.items()
        if all(each["fired_after_s"] is not None and each["cleared_after_s"] is not None for each in times)
    ]
    rows = [
        (
            "figures that rules and dashboards name · found moving",
            several(found, "figures_named", "figures_moved"),
        ),
        (
            "alerts provoked · fired and cleared",
            f"{number(len(alerts) or None)} · {number(len(settled) if alerts else None)}",
        ),
        ("alerts fired by promtool's tests alone", number(_count(found.get("alerts_by_promtool_alone")))),
        ("series of Qipan's processes · of the broker", several(found, "series", "series_of_the_broker")),
        ("real seconds", number(found.get("seconds"))),
    ]
    return table(("Watched and broken", "`make watch-test`"), rows) + _short(found.get("broken"))


def _count(what: object) -> int | None:
    return len(what) if isinstance(what, list) else None


def _by_way(found: Figures, figure: str) -> str:
    ways = ("nearest_first", "one_by_one", "matched", "hindsight")
    return " · ".join(number(at(found, "assigning", way, figure)) for way in ways)


def _pair(found: Figures, mode: str, ratio: str, words: str) -> Rows:
    cpu = " · ".join(number(at(found, "pairs", mode, who, "cpu_ms_per_case")) for who in ("ours", "raw"))
    speed = " · ".join(number(at(found, "pairs", mode, who, "cases_per_s")) for who in ("ours", "raw"))
    ratios = sorted(at(found, "pairs", mode, "ratios") or ())
    return [
        (f"{words}: CPU, ours ÷ raw", f"**{number(found.get(ratio))}**"),
        (f"{words}: the pairs' ratios", " · ".join(number(each) for each in ratios) or UNKNOWN),
        (f"{words}: CPU ms a case, ours · raw", cpu),
        (f"{words}: cases a second, ours · raw", speed),
    ]


def _both(found: Figures, what: str) -> str:
    return " · ".join(number(at(found, "calls", who, what)) for who in ("ours", "echo"))


def deliveries(found: Figures) -> str:
    """Messages to peers that misbehave, without kills and with."""
    whole, killed = found.get("without_kills", {}), found.get("with_kills", {})
    beside = found.get("speed_beside_the_hanging_one", {})
    rows = [
        (
            "deliveries without kills · keys taken · taken twice",
            several(whole, "deliveries", "taken", "doubled"),
        ),
        ("attempts · reached an address that is not allowed", several(whole, "attempts", "reached_inside")),
        ("deliveries with kills · kills", several(killed, "deliveries", "kills")),
        ("keys taken · taken twice", several(killed, "taken", "doubled")),
        (
            "taken twice after one kill, at any one of four destinations: the most",
            number(killed.get("most_doubled_by_one_kill_at_one_destination")),
        ),
        (
            "speed beside a gateway that hangs ÷ without it: mail · robot · webhook · failing webhook",
            several(beside, "post", "robot", "calm", "faulty"),
        ),
        ("measured on", str(found.get("machine", UNKNOWN))),
    ]
    return table(("Messages to the world outside", "`make deliveries`"), rows)


REGIONS: Mapping[str, Callable[[Figures], str]] = {
    "demo": demo,
    "replay": replay,
    "faults": faults,
    "deliveries": deliveries,
    "bench": bench,
    "watch": watch,
}


def at(found: Figures, *path: str) -> Any:
    """What lies at a path, or None."""
    value: Any = found
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def number(value: object) -> str:
    """A figure as people read it; a dash for one that was not measured."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return UNKNOWN
    if isinstance(value, int) or value >= 1000:
        return f"{round(value):,}"
    return f"{value:.3g}"


def several(found: Figures, *names: str) -> str:
    """Figures beside each other."""
    return " · ".join(number(found.get(name)) for name in names)


def table(head: tuple[str, str], rows: Rows) -> str:
    """A table of two columns."""
    return "\n".join(f"| {left} | {right} |" for left, right in (head, ("---", "---:"), *rows))


def _hours(minutes: object) -> str:
    spread = minutes if isinstance(minutes, Mapping) else {}
    return " · ".join(number(spread[name] / 60) if name in spread else UNKNOWN for name in ("p50", "p90"))


def _short(what: object) -> str:
    """What fell short is said where the figures are."""
    return (
        "\n\nFell short: " + "; ".join(str(each) for each in what) + "."
        if isinstance(what, list) and what
        else ""
    )


if __name__ == "__main__":
    sys.exit(main())
