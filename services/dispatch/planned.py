"""Planned shifts: when a worker is to be on duty, by the town's rosters and the changes for single days. Pure.

The plan puts nobody on shift: who is there is who signed on. It says whom not to ask, and whom to expect.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from qipan.contracts.rosters import Attendance
from qipan.tenancy.rosters import Roster
from qipan.worktime import Span

DAY = timedelta(days=1)

AHEAD_DAYS = 31
"""How far ahead somebody's next planned shift is looked for; the longest holidays are shorter."""

EARLY = timedelta(minutes=30)
"""Who signs on so shortly before a planned shift comes for that shift."""


@dataclass(frozen=True, slots=True)
class DayChange:
    """What somebody decided about one worker's day: these spans instead of the rosters', why and by whom."""

    spans: tuple[Span, ...]
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class PlannedSpan:
    """One planned shift, as instants in UTC. `roster` None: by a `change` for the day on which it begins."""

    day: date
    begins: datetime
    ends: datetime
    roster: Roster | None
    change: DayChange | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """One worker's planned shifts, in the town's zone."""

    zone: ZoneInfo
    rosters: tuple[Roster, ...]
    changes: Mapping[date, DayChange] = field(default_factory=dict)

    def on(self, day: date) -> Iterator[PlannedSpan]:
        """The planned shifts that begin on a local day, those of several rosters side by side."""
        change = self.changes.get(day)
        if change is not None:
            for span in change.spans:
                yield self._planned(day, span, None, change)
            return
        for roster in self.rosters:
            if roster.falls_on(day):
                for span in roster.spans:
                    yield self._planned(day, span, roster)

    def running(self, now: datetime) -> PlannedSpan | None:
        """The planned shift that goes on now; of several the one that ends last."""
        going = [span for span in self.around(now) if span.begins <= now < span.ends]
        return max(going, key=lambda span: span.ends, default=None)

    def around(self, now: datetime) -> Iterator[PlannedSpan]:
        """The planned shifts that begin yesterday or today, as the town's people call it."""
        today = now.astimezone(self.zone).date()
        yield from self.on(today - DAY)
        yield from self.on(today)

    def of_today(self, now: datetime) -> Iterator[PlannedSpan]:
        """The planned shifts that go on now, or begin today."""
        today = now.astimezone(self.zone).date()
        yield from (span for span in self.around(now) if span.day == today or now < span.ends)

    def day(self, now: datetime, day: date | None) -> tuple[datetime, datetime]:
        """When a local day (None: today) and all shifts planned for it begin and are over."""
        spans = self.on(day) if day is not None else self.of_today(now)
        asked = day if day is not None else now.astimezone(self.zone).date()
        begin, end = self._at(asked, time()), self._at(asked + DAY, time())
        for span in spans:
            begin, end = min(begin, span.begins), max(end, span.ends)
        return begin, end

    def next_begin(self, now: datetime) -> datetime | None:
        """When the next planned shift begins; None when there is none within `AHEAD_DAYS`."""
        today = now.astimezone(self.zone).date()
        for ahead in range(AHEAD_DAYS + 1):
            later = [span.begins for span in self.on(today + ahead * DAY) if span.begins > now]
            if later:
                return min(later)
        return None

    def why_off(self, now: datetime) -> str | None:
        """That no planned shift goes on now, and until when; None when one does."""
        if self.running(now) is not None:
            return None
        begins = self.next_begin(now)
        if begins is None:
            return f"off its planned shift for {AHEAD_DAYS} days and more"
        return f"off its planned shift until {begins:%m-%d %H:%M} UTC"

    def covers(self, start: datetime) -> bool:
        """Whether a shift that begins now is a planned one: begun within it, or shortly before it."""
        soon = self.next_begin(start)
        return self.running(start) is not None or (soon is not None and soon <= start + EARLY)

    def _planned(
        self, day: date, span: Span, roster: Roster | None, change: DayChange | None = None
    ) -> PlannedSpan:
        until = day + DAY if span.overnight else day
        return PlannedSpan(day, self._at(day, span.start), self._at(until, span.end), roster, change)

    def _at(self, day: date, at: time) -> datetime:
        return datetime.combine(day, at, self.zone).astimezone(UTC)


def attendance(planned: PlannedSpan, there: Iterable[tuple[datetime, datetime]], now: datetime) -> Attendance:
    """What has become of a planned shift; `there` are the worker's shifts, from signing on to off or the latest end."""
    came = [(begun, ended) for begun, ended in there if begun < planned.ends and ended > planned.begins]
    there_now = any(begun <= now < ended for begun, ended in came)
    if now >= planned.ends:
        return Attendance.ATTENDED if came else Attendance.ABSENT
    if now < planned.begins:
        # Somebody who is on shift long before may well be gone by then.
        early = there_now and now >= planned.begins - EARLY
        return Attendance.ON if early else Attendance.EXPECTED
    if there_now:
        return Attendance.ON
    return Attendance.LEFT if any(begun <= now for begun, _ in came) else Attendance.MISSING
