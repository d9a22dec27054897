"""`make watch-test`: the district under a real Prometheus; writes var/watch.json.

Exits 0 only if every figure that a rule or a dashboard names was there and moved, every query of every dashboard
had an answer, and every provocation fired its alerts and no longer does.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

from tests.faults.doubler import Doubler
from tests.watch import provoke, rules
from tests.watch.house import AHEAD, Watched, house, pause

OUT = Path("var/watch.json")
FIRE_SECONDS, CLEAR_SECONDS = 120.0, 180.0

CONSTANT = {"qipan_build_info": "says which version runs", "ALERTS": "is 1 as long as it is there"}
"""Figures that are there and never move, and why that is right."""


def main() -> int:
    """Run it all; 0 when everything was proven."""
    began = time.monotonic()
    with house() as on:
        print("  everything as usual", flush=True)
        quiet = _as_usual(on)
        alerts = {}
        for provocation, names in provoke.PROVOCATIONS:
            for name, found in _provoke(on, provocation, names).items():
                alerts.setdefault(name, []).append(found)
        seconds = time.monotonic() - began
        moved, still, missing = _figures(on, seconds)
        unanswered = _dashboards(on, seconds)
        result: dict[str, Any] = {
            "figures_named": len(moved) + len(still) + len(missing),
            "figures_moved": len(moved),
            "figures_still": still,
            "figures_missing": missing,
            "dashboard_queries_unanswered": unanswered,
            "alerts": alerts,
            "alerts_by_promtool_alone": sorted(
                {rule["alert"] for rule in rules.rules() if "alert" in rule} - set(alerts)
            ),
            "fired_as_usual": quiet,
            "memory_mb": _memory(on, seconds),
            "series": _count(on, 'count({job="qipan"})'),
            "series_of_the_broker": _count(on, 'count({job=~"broker.*"})'),
            "seconds": round(seconds),
        }
    broken = [f"never moved: {name}" for name in still] + [f"not there: {name}" for name in missing]
    broken += [f"no answer: {where}" for where in unanswered]
    broken += [
        f"{name}: {found}"
        for name, all_found in alerts.items()
        for found in all_found
        if found["fired_after_s"] is None or found["cleared_after_s"] is None
    ]
    broken += [f"fired although nothing was wrong: {name}" for name in quiet]
    result["broken"] = broken
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(result, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(result, ensure_ascii=False, indent=2))
    return 1 if broken else 0


def _as_usual(on: Watched) -> list[str]:
    """Work that is usual, and what each remaining figure needs to move; returns the alerts that fired all the same."""
    doubler = Doubler(on.core_url, seed=7)
    doubler.start()
    with provoke.slow_reader(on):
        on.prometheus.wait_for(
            lambda: bool(on.prometheus.query("qipan_live_stream_dropped_total > 0")),
            180,
            "no reader was slow",
        )
    doubler.stop()
    provoke.unroutable(on)
    on.prometheus.wait_for(
        lambda: bool(on.prometheus.query("qipan_deadlines_without_year_total > 0")),
        120,
        f"no deadline of {AHEAD}'s was without a year",
    )
    on.prometheus.wait_for(lambda: not _waiting(on), 300, "what was posted was not worked off")
    # All at once is more than this machine files in ten seconds, and a second of ours is a minute in one town.
    expected = {
        "QipanCalendarWithoutYear",
        "QipanSlowToScreenFast",
        "QipanSlowToScreenSlow",
        "QipanTimersLate",
    }
    pause(10)
    return sorted(on.prometheus.firing() - expected)


def _waiting(on: Watched) -> bool:
    return bool(
        on.prometheus.query("max(qipan_outbox_messages) > 0")
        or on.prometheus.query('sum(rabbitmq_detailed_queue_messages{queue=~".+[.]core|.+@.+"}) > 0')
    )


def _provoke(
    on: Watched, provocation: provoke.Provocation, names: tuple[str, ...]
) -> dict[str, dict[str, float | None]]:
    print(f"  {provocation.__name__}: {', '.join(names)}", flush=True)
    before = time.monotonic()
    found: dict[str, dict[str, float | None]] = {
        name: {"fired_after_s": None, "cleared_after_s": None} for name in names
    }
    with provocation(on):
        end = time.monotonic() + FIRE_SECONDS
        while time.monotonic() < end and any(each["fired_after_s"] is None for each in found.values()):
            for name in on.prometheus.firing() & set(names):
                if found[name]["fired_after_s"] is None:
                    found[name]["fired_after_s"] = round(time.monotonic() - before, 1)
            pause(0.25)
    before = time.monotonic()
    on.ready()
    end = time.monotonic() + CLEAR_SECONDS
    while time.monotonic() < end and any(each["cleared_after_s"] is None for each in found.values()):
        on.post(25)  # shares of what happens need something to happen
        for name in set(names) - on.prometheus.firing():
            if found[name]["cleared_after_s"] is None:
                found[name]["cleared_after_s"] = round(time.monotonic() - before, 1)
        pause(0.5)
    return found


def _figures(on: Watched, seconds: float) -> tuple[list[str], list[str], list[str]]:
    """The figures that queries name: those that moved, those that never did, those that are not there."""
    recorded = {rule["record"] for rule in rules.rules() if "record" in rule}
    named = {name for query in rules.queries() for name in rules.named(query.text)}
    moved, still, missing = [], [], []
    window = f"[{round(seconds)}s]"
    for name in sorted(named | recorded):
        if not on.prometheus.query(f"count(present_over_time({name}{window}))"):
            missing.append(name)
        elif name in CONSTANT or on.prometheus.query(
            f"count(max_over_time({name}{window}) != min_over_time({name}{window}))"
        ):
            moved.append(name)
        elif len(on.prometheus.over(f"count({name})", seconds)[0]["values"]) * 2 < seconds - 30:
            moved.append(name)  # it came or went
        else:
            still.append(name)
    return moved, still, missing


def _dashboards(on: Watched, seconds: float) -> list[str]:
    """The dashboards' queries that had no answer at any time."""
    return [
        f"{name}: {panel['title']}: {target['expr']}"
        for name, dashboard in rules.dashboards().items()
        for panel in dashboard["panels"]
        for target in panel["targets"]
        if not on.prometheus.over(_of_any_tenant(target["expr"]), seconds)
    ]


def _of_any_tenant(query: str) -> str:
    return query.replace('="$tenant"', '=~".+"').replace("$tenant", ".+")


def _memory(on: Watched, seconds: float) -> dict[str, float]:
    """The most that each process had resident, in MB (2^20 bytes)."""
    query = (
        f'max by (serves) (max_over_time(process_resident_memory_bytes{{job="qipan"}}[{round(seconds)}s]))'
    )
    return {
        each["metric"]["serves"]: round(float(each["value"][1]) / 2**20)
        for each in sorted(on.prometheus.query(query), key=lambda each: each["metric"]["serves"])
    }


def _count(on: Watched, query: str) -> int:
    found = on.prometheus.query(query)
    return int(float(found[0]["value"][1])) if found else 0


if __name__ == "__main__":
    sys.exit(main())
