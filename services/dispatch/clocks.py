"""Stage clocks: every open stage has one; it starts when the stage is entered and ends when it is left."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType

from qipan import worktime
from qipan.contracts.case import CaseState, Stage
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


@dataclass(frozen=True, slots=True)
class Deadlines:
    """The limits of one case, counted in its tenant's calendar."""

    limits: Limits
    calendar: Calendar

    def after(self, clock: Clock, start: datetime) -> datetime:
        """When a clock that starts at `start` runs out, UTC."""
        return self.after_limit(self.limits.of(clock), start)

    def after_limit(self, limit: Limit, start: datetime) -> datetime:
        """When a limit that begins at `start` runs out, UTC."""
        return _deadline(start, limit, self.calendar)

    def of_stage(
        self, stage: Stage, entered_at: datetime, dispose_due_at: datetime | None
    ) -> datetime | None:
        """When the clock of a stage entered at `entered_at` runs out; None for a stage that has none.

        The time to dispose counts from filing, so a slow acceptance or a return eats it up and nobody gains
        time by passing a case on. Rework follows from somebody else's finding and gets the full time once
        more; the case's own deadline stays where it was.
        """
        clock = CLOCK_OF.get(stage)
        if clock is None:
            return None
        if stage is Stage.ACCEPTED and dispose_due_at is not None:
            return dispose_due_at
        return self.after(clock, entered_at)


@lru_cache(maxsize=1024)
def _deadline(start: datetime, limit: Limit, calendar: Calendar) -> datetime:
    # A batch is filed at one instant and shares its few limits: walking the calendar once for each is enough.
    return worktime.deadline(start, limit, calendar)


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
    """The clock that runs for a case now; None once the case is over."""
    clock = CLOCK_OF.get(case.stage)
    if clock is None or case.due_at is None:
        return None
    return Running(clock, case.stage_times[case.stage], case.due_at)
