"""Working time: limits in hours and days, working calendars, and the deadline a limit leads to."""

from qipan.worktime.calendar import Calendar, Shift, Span, works_on_weekdays
from qipan.worktime.deadline import after_left, deadline, left, worked_between
from qipan.worktime.holidays import china_knows, works_in_china
from qipan.worktime.limit import Limit, TimeUnit

__all__ = [
    "Calendar",
    "Limit",
    "Shift",
    "Span",
    "TimeUnit",
    "after_left",
    "china_knows",
    "deadline",
    "left",
    "worked_between",
    "works_in_china",
    "works_on_weekdays",
]
