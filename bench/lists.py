"""What a page of a list and of a search costs among few and among very many cases."""

import statistics
import time
from collections.abc import Callable
from typing import Any

from bench.desk import Desk
from qipan.contracts.queries import CaseList, ListWork
from qipan.contracts.search import SearchCases

Ask = Callable[[Desk], CaseList]


def compare(few: Desk, many: Desk, rounds: int) -> dict[str, Any]:
    """Milliseconds for a page of 100, the median of `rounds` with each number of cases in turn, and the statements.

    Whole calls, as dispatch answers them: verified, read, validated. The largest ratio of the work lists is
    `ratio`; searches are told beside it.
    """
    lists = {name: _pair(few, many, ask, rounds) for name, ask in LISTS.items()}
    searches = {name: _pair(few, many, ask, rounds) for name, ask in SEARCHES.items()}
    return {
        "rounds": rounds,
        "ratio": max(found["ratio"] for found in lists.values()),
        "statements": max(found["statements"] for found in (lists | searches).values()),
        "lists": lists,
        "searches": searches,
    }


def _pair(few: Desk, many: Desk, ask: Ask, rounds: int) -> dict[str, Any]:
    taken: dict[str, list[float]] = {"few": [], "many": []}
    found: dict[str, int] = {}
    count = 0
    for name, desk in (("few", few), ("many", many)):  # warm both
        before = desk.statements
        found[name] = len(ask(desk).cases)
        count = max(count, desk.statements - before)
    for turn in range(rounds):
        order = (("few", few), ("many", many)) if turn % 2 == 0 else (("many", many), ("few", few))
        for name, desk in order:
            begun = time.perf_counter()
            ask(desk)
            taken[name].append((time.perf_counter() - begun) * 1e3)
    ms = {name: round(statistics.median(times), 3) for name, times in taken.items()}
    return {
        "ms_few": ms["few"],
        "ms_many": ms["many"],
        "found_few": found["few"],
        "found_many": found["many"],
        "ratio": round(ms["many"] / ms["few"], 3),
        "statements": count,
    }


def _town(desk: Desk) -> str:
    return desk.district.towns[0].id


def _work(role: str, **asked: Any) -> Ask:
    def ask(desk: Desk) -> CaseList:
        town = _town(desk)
        answer: CaseList = desk.ask(desk.somebody(town, role), ListWork(limit=100, **asked), town)
        return answer

    return ask


def _search(**asked: Any) -> Ask:
    def ask(desk: Desk) -> CaseList:
        town = _town(desk)
        answer: CaseList = desk.ask(desk.somebody(town, "town-lead"), SearchCases(limit=100, **asked), town)
        return answer

    return ask


LISTS: dict[str, Ask] = {
    "town lead": _work("town-lead"),
    "overdue": _work("town-lead", overdue=True),
}
"""Full pages with few cases, too."""

SEARCHES: dict[str, Ask] = {
    "newest": _search(),
    "common word": _search(text="路灯"),
    "rare word": _search(text="路灯 12"),
    "matter": _search(matters=("s:06012",)),
    "worker": _search(worker="w7"),
    "window": _search(bbox="120.05,30.05,120.08,30.08"),
}
