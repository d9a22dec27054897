"""Debouncing: which alarms of a device are news, and which say again what a report says already."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from qipan.contracts.level import Level


class Fate(StrEnum):
    """What becomes of an alarm."""

    REPORTED = "reported"  # it became a report
    JOINED = "joined"  # it is counted with the report that stands
    CLEARED = "cleared"  # the report that stands notes that it is over
    REPEATED = "repeated"  # it was sent before, with this id
    NOTHING_STANDS = "nothing-stands"  # it is over, and no report spoke of it


@dataclass(frozen=True, slots=True)
class Alarm:
    """One alarm of a device about one matter; `at` is domain time."""

    at: datetime
    level: Level
    cleared: bool = False


@dataclass(frozen=True, slots=True)
class Series:
    """The alarms of one device about one matter since their report; none yet without a `report_id`.

    `stands`: somebody still sees to the report. `times` counts its alarms.
    """

    report_id: str | None = None
    first_at: datetime | None = None
    last_at: datetime | None = None
    times: int = 0
    level: Level = Level.NORMAL
    cleared_at: datetime | None = None
    stands: bool = False


def take(series: Series, alarm: Alarm, window: timedelta, report_id: str) -> tuple[Fate, Series]:
    """What becomes of the alarm, and the series after it; `report_id` is that of the report it would become.

    An alarm joins the report that stands while no longer than `window` has passed since the last one. One
    that rises to `urgent` is news whatever stands: an emergency waits for nothing.
    """
    if alarm.cleared:
        if not series.stands:
            return Fate.NOTHING_STANDS, series
        return Fate.CLEARED, replace(series, cleared_at=alarm.at)
    if _joins(series, alarm, window):
        return Fate.JOINED, replace(
            series,
            last_at=max(series.last_at or alarm.at, alarm.at),
            times=series.times + 1,
            level=max(series.level, alarm.level, key=lambda level: level.rank),
            cleared_at=None,
        )
    return Fate.REPORTED, Series(report_id, alarm.at, alarm.at, 1, alarm.level, None, stands=True)


def _joins(series: Series, alarm: Alarm, window: timedelta) -> bool:
    if not series.stands or series.first_at is None or series.last_at is None or not window:
        return False
    if alarm.level is Level.URGENT and series.level is not Level.URGENT:
        return False
    return series.first_at - window <= alarm.at <= series.last_at + window
