"""Whether analytics knows what dispatch knows: digests by tenant and day first, then the days that differ.

Live updates go on meanwhile. Dispatch is read first, analytics after it: what analytics then has in a newer version is
no fault, and for what it has in an older one, or not at all, its events get some time to arrive.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

PATIENCE = 30.0
"""Real seconds that events may be under way."""

_PAUSE = 1.0

Day = tuple[str, str]
Digests = Mapping[Day, tuple[int, str]]


class Knows(Protocol):
    """What one service knows of the cases."""

    def digests(self) -> Digests: ...

    def cases(self, day: Day) -> Mapping[str, int]: ...


class Disagreement(NamedTuple):
    """A case that analytics lacks (`known` None), has only in an older version, or alone has (`version` None)."""

    day: Day
    case_id: str
    version: int | None
    known: int | None

    def __str__(self) -> str:
        where = f"{self.day[0]} {self.day[1]} {self.case_id}"
        if self.known is None:
            return f"{where}: version {self.version} in dispatch, unknown to analytics"
        if self.version is None:
            return f"{where}: version {self.known} in analytics, unknown to dispatch"
        return f"{where}: version {self.version} in dispatch, {self.known} in analytics"


def disagreements(
    dispatch: Knows,
    analytics: Knows,
    *,
    patience: float = PATIENCE,
    clock: Callable[[], float] = time.monotonic,
    pause: Callable[[float], None] = time.sleep,
) -> list[Disagreement]:
    """What analytics does not know as dispatch does; only days whose digests differ are read case by case."""
    first, second = dispatch.digests(), analytics.digests()
    days = sorted(day for day in first.keys() | second.keys() if first.get(day) != second.get(day))
    wanted = {day: dispatch.cases(day) for day in days}
    end = clock() + patience
    while True:
        found = [one for day in wanted for one in _compare(day, wanted[day], analytics.cases(day))]
        if found and any(one.version is None for one in found):
            # Filed between the two readings, or really unknown: dispatch says which.
            again = {day: dispatch.cases(day) for day in {one.day for one in found if one.version is None}}
            found = [one for one in found if one.version is not None or one.case_id not in again[one.day]]
        if not found or clock() >= end:
            return found
        wanted = {day: wanted[day] for day in sorted({one.day for one in found})}
        pause(_PAUSE)


def _compare(day: Day, wanted: Mapping[str, int], known: Mapping[str, int]) -> Iterable[Disagreement]:
    for case_id, version in wanted.items():
        if known.get(case_id, 0) < version:
            yield Disagreement(day, case_id, version, known.get(case_id))
    for case_id in known.keys() - wanted.keys():
        yield Disagreement(day, case_id, None, known[case_id])


class Program:
    """What a service's own program says; `run` starts it and returns the lists that it prints."""

    def __init__(self, run: Callable[[Sequence[str]], list[list[Any]]]) -> None:
        self._run = run

    def digests(self) -> Digests:
        """Every day's digest."""
        return {(row[0], row[1]): (row[2], row[3]) for row in self._run(())}

    def cases(self, day: Day) -> Mapping[str, int]:
        """One day's cases and versions."""
        return {row[0]: row[1] for row in self._run(("--tenant", day[0], "--day", day[1]))}
