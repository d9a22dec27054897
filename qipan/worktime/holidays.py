"""Which days of mainland China are worked: public holidays and the make-up days for them."""

from datetime import date
from functools import lru_cache

import chinese_calendar

_FIXED = frozenset({(1, 1), (5, 1), (5, 2), (10, 1), (10, 2), (10, 3)})
"""Holidays whose day in the solar calendar the State Council's rules fix (since 2025)."""


@lru_cache(maxsize=4096)
def works_in_china(day: date) -> bool:
    """Whether `day` is worked.

    The yearly notice is known from 2004 to about the coming year; in a year without one the days whose date
    is fixed are free and weekends are not worked (lunar holidays and make-up days are then missing).
    """
    try:
        return bool(chinese_calendar.is_workday(day))
    except NotImplementedError:
        return day.weekday() < 5 and (day.month, day.day) not in _FIXED
