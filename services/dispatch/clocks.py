"""Stage clocks: every open stage has one; it starts when the stage is entered and ends when it is left."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple

from qipan import worktime
from qipan.contracts.case import CaseState, ClockState, Stage
from qipan.tenancy.workflow import standard
from qipan.worktime import Calendar, Limit, TimeUnit


class Clock(StrEnum):
    """What is being waited for."""

    DISPATCH = "dispatch"  # a dispatcher finds somebody
    ACCEPT = "accept"  # the one asked answers
    DISPOSE = "dispose"  # the work is done
    INSPECT = "inspect"  # somebody else looks
    CLOSE = "close"  # the shift leader closes


CLOCK_OF: Mapping[Stage, Clock] = MappingProxyType(
    {row.phase: Clock(row.clock) for row in standard().stages.values() if row.clock is not None}
)


@dataclass(frozen=True, slots=True)
class Limits:
    """How long each clock of a case may run. A case keeps the limits with which it was filed."""

    dispatch: Limit
    accept: Limit
    dispose: Limit
    inspect: Limit
    close: Limit

    def of(self, clock: Clock) -> Limit:
        """The limit of one clock."""
        limit: Limit = getattr(self, clock.value)
        return limit

    def plain(self) -> dict[str, tuple[float, str]]:
        """As stored with the case: clock → amount and unit."""
        return {f.name: (getattr(self, f.name).amount, getattr(self, f.name).unit) for f in fields(self)}

    @classmethod
    def from_plain(cls, stored: Mapping[str, tuple[float, str]]) -> "Limits":
        """Read back what `plain` wrote; a clock that was not known then has its usual limit."""
        known = {
            name: Limit(amount, TimeUnit(unit))
            for name, (amount, unit) in stored.items()
            if hasattr(USUAL, name)
        }
        return replace(USUAL, **known)


USUAL = Limits(
    dispatch=Limit.parse("10 minutes"),
    accept=Limit.parse("1 hour"),
    dispose=Limit.parse("1 work-day"),
    inspect=Limit.parse("1 work-day"),
    close=Limit.parse("1 work-day"),
)
"""Where neither matter nor town says otherwise, after one district's "three ones": route within ten minutes,
be on it within an hour, feed back within a working day."""


YELLOW_SHARE = 0.2
"""Where a town says nothing else: a clock is yellow when a fifth of its time is left."""


class Due(NamedTuple):
    """When a clock runs out, from when little of it is left, and the year whose holidays were not known for it."""

    at: datetime
    yellow_at: datetime
    without_year: int | None = None


@dataclass(frozen=True, slots=True)
class Deadlines:
    """The limits of one case, counted in its tenant's calendar. `yellow`: the share of them that is little."""

    limits: Limits
    calendar: Calendar
    yellow: float = YELLOW_SHARE

    def after(self, clock: Clock, start: datetime) -> datetime:
        """When a clock that starts at `start` runs out, UTC."""
        return self.after_limit(self.limits.of(clock), start)

    def after_limit(self, limit: Limit, start: datetime) -> datetime:
        """When a limit that begins at `start` runs out, UTC."""
        return self.due(limit, start).at

    def due(self, limit: Limit, start: datetime) -> Due:
        """The same, with all that follows from it."""
        return _due(start, limit, self.calendar, self.yellow)

    def until(self, begun_at: datetime, due_at: datetime, unit: TimeUnit) -> Due:
        """What follows from a deadline that was set for a clock begun at `begun_at`, its limit being in `unit`."""
        return _until(begun_at, due_at, unit, self.calendar, self.yellow)

    def of_stage(self, stage: Stage, entered_at: datetime, case: CaseState | None = None) -> Due | None:
        """When the clock of a stage entered at `entered_at` runs out; None for a stage that has none.

        The time to dispose counts from filing, so a slow acceptance or a return eats it up and nobody gains
        time by passing a case on. Rework follows from somebody else's finding and gets the full time once
        more; the case's own deadline stays where it was.
        """
        clock = CLOCK_OF.get(stage)
        if clock is None:
            return None
        if stage is Stage.ACCEPTED and case is not None and case.dispose_due_at is not None:
            unit = self.limits.of(Clock.DISPOSE).unit
            return self.until(begun_at(case), case.dispose_due_at, unit)
        return self.due(self.limits.of(clock), entered_at)


def begun_at(case: CaseState) -> datetime:
    """From when the time to dispose counts: filing, or when a deferred case begins."""
    return case.clock.starts_at if case.clock and case.clock.starts_at else case.filed_at


@lru_cache(maxsize=1024)
def _due(start: datetime, limit: Limit, calendar: Calendar, yellow: float) -> Due:
    # A batch is filed at one instant and shares its few limits: walking the calendar once for each is enough.
    return _until(start, worktime.deadline(start, limit, calendar), limit.unit, calendar, yellow)


@lru_cache(maxsize=1024)
def _until(start: datetime, at: datetime, unit: TimeUnit, calendar: Calendar, yellow: float) -> Due:
    whole = worktime.left(start, at, unit, calendar)
    yellow_at = worktime.after_left(start, whole * (1 - yellow), unit, calendar) if whole else at
    return Due(at, min(yellow_at, at), calendar.unknown_year(start, at))


@dataclass(frozen=True, slots=True)
class Running:
    """One run of a clock: which, since when, until when (domain time)."""

    clock: Clock
    started_at: datetime
    due_at: datetime

    def overdue(self, now: datetime) -> bool:
        """Whether it has run out."""
        return now >= self.due_at


def running(case: CaseState) -> Running | None:
    """The clock that runs for a case now; None once the case is over, and while it is suspended."""
    clock = CLOCK_OF.get(case.stage)
    if clock is None or case.due_at is None:
        return None
    return Running(clock, case.stage_times[case.stage], case.due_at)


def paused(case: CaseState | None) -> bool:
    """Whether the case's clock stands still."""
    return case is not None and case.stage in CLOCK_OF and case.due_at is None


def entering(clock: ClockState | None, due: Due | None) -> ClockState | None:
    """What stays of the clock's state when another clock begins: what was asked lapses, nothing has run out yet."""
    without = due.without_year if due else None
    if clock is None:
        return None if without is None else ClockState(without_year=without)
    kept = ClockState(original_due_at=clock.original_due_at, starts_at=clock.starts_at, without_year=without)
    return None if kept == _NOTHING else kept


_NOTHING = ClockState()
