"""Which days of mainland China are worked: public holidays and the make-up days for them."""

from datetime import date
from functools import cache, lru_cache
from typing import Any

import chinese_calendar
from chinese_calendar import constants

_LAST_PUBLISHED = max(max(constants.holidays), max(constants.workdays)).year
_FIRST_PUBLISHED = min(min(constants.holidays), min(constants.workdays)).year


def china_knows(year: int) -> bool:
    """Whether the State Council's yearly notice for this year is known here.

    It is published late in the year before; until the library that has it is brought up to date, deadlines that
    reach into such a year are counted without its make-up days.
    """
    return bool(_FIRST_PUBLISHED <= year <= _LAST_PUBLISHED)


@lru_cache(maxsize=4096)
def works_in_china(day: date) -> bool:
    """Whether `day` is worked.

    The yearly notice is known from 2004 to about the coming year. In a year without one the holidays are
    calculated (the lunar ones too), weekends are not worked, and make-up days are missing.
    """
    if china_knows(day.year):
        return bool(chinese_calendar.is_workday(day))
    return day.weekday() < 5 and day not in _calculated()


@cache
def _calculated() -> Any:
    # Imported here: its import costs a process a tenth of a second, and most never meet such a year.
    import holidays

    return holidays.country_holidays("CN")
