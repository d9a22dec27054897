"""How many cases a second go their whole way, from report to closed and found again, among few and very many."""

import statistics
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import count, islice
from typing import Any

from bench.desk import Desk
from qipan.contracts.case import Place
from qipan.contracts.commands import AcceptTask, CloseCase, DisposeTask, InspectCase
from qipan.contracts.search import SearchCases

MATTER = "s:06010"


def compare(few: Desk, many: Desk, rounds: int, cases: int) -> dict[str, Any]:
    """Lifecycles a second, the median of `rounds` of `cases` each, with each number of cases in turn; their ratio.

    One after another, every step a call and a transaction of its own.
    """
    rates: dict[str, list[float]] = {"few": [], "many": []}
    numbers = count(1)
    for desk in (few, many):
        _run(desk, numbers, max(1, cases // 5))
    for turn in range(rounds):
        order = (("few", few), ("many", many)) if turn % 2 == 0 else (("many", many), ("few", few))
        for name, desk in order:
            begun = time.perf_counter()
            _run(desk, numbers, cases)
            rates[name].append(cases / (time.perf_counter() - begun))
    rate = {name: round(statistics.median(found), 2) for name, found in rates.items()}
    return {
        "rounds": rounds,
        "cases": cases,
        "per_s_few": rate["few"],
        "per_s_many": rate["many"],
        "ratio": round(rate["few"] / rate["many"], 3),
    }


def _run(desk: Desk, numbers: Iterator[int], cases: int) -> None:
    for number in islice(numbers, cases):
        towns = desk.district.towns
        once(desk, towns[number % len(towns)].id, f"东街口垃圾成堆{number:07d}号")


def once(desk: Desk, town: str, text: str) -> None:
    """Create, assign (filing offers), resolve, search: RuntimeError when the case is not found at the end."""
    cell = next(cell.code for cell in desk.district.territory.cells("duty") if cell.town == town)
    place = Place(lon=120.1, lat=30.2, cells={"duty": cell})
    report = desk.file(town, text, MATTER, place)
    leader = desk.somebody(town, "shift-leader")
    [case] = desk.ask(leader, SearchCases(text=text, limit=1), town).cases
    if case.report_id != report or case.worker is None:
        raise RuntimeError(f"{text!r} was not found, or offered to nobody")
    handler = desk.somebody(town, "handler", units=frozenset({case.unit or ""}))
    handler = replace(handler, sub=case.worker)
    desk.ask(handler, AcceptTask(case_id=case.case_id), town)
    desk.ask(handler, DisposeTask(case_id=case.case_id, evidence=("photo://1",)), town)
    inspector = desk.somebody(town, "grid-worker", cells=frozenset({cell}))
    desk.ask(inspector, InspectCase(case_id=case.case_id, passed=True), town)
    desk.ask(leader, CloseCase(case_id=case.case_id), town)
    [found] = desk.ask(leader, SearchCases(text=text, limit=1), town).cases
    if found.case_id != case.case_id or found.closed_at is None:
        raise RuntimeError(f"{text!r} is not closed")
