"""Working time: limits in hours and days, working calendars, and the deadline a limit leads to."""

from qipan.worktime.calendar import Calendar, Span, works_on_weekdays
from qipan.worktime.deadline import deadline
from qipan.worktime.holidays import works_in_china
from qipan.worktime.limit import Limit, TimeUnit

__all__ = ["Calendar", "Limit", "Span", "TimeUnit", "deadline", "works_in_china", "works_on_weekdays"]
