"""Periods by name, in a tenant's zone, and how they are cut into hours, days, weeks and months. Pure."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from qipan.contracts.errors import Fault, Invalid

DAY = timedelta(days=1)
MOST_DAYS = 10 * 366


@dataclass(frozen=True, slots=True)
class Span:
    """`since` ≤ time < `until`, instants in UTC at which local days begin."""

    name: str
    since: datetime
    until: datetime


def span_of(name: str, now: datetime, zone: str) -> Span:
    """The period of this name as of now; Invalid says which there are."""
    today = now.astimezone(ZoneInfo(zone)).date()
    found = _NAMED[name](today) if name in _NAMED else _written(name)
    if found is None or not date.min < found[0] < found[1] < date.max:
        raise _unknown("period", name, PERIODS)
    if (found[1] - found[0]).days > MOST_DAYS:
        what = f"{name} is longer than ten years"
        raise Invalid(faults=(Fault(where="period", what=what, allowed="a shorter one"),))
    return Span(name, _begins(found[0], zone), _begins(found[1], zone))


def before(span: Span, zone: str) -> Span:
    """The period of the same kind just before: of a whole month the month before, else as many days."""
    first, end = (at.astimezone(ZoneInfo(zone)).date() for at in (span.since, span.until))
    if first.day == 1 and end == _next_month(first):
        start = (first - DAY).replace(day=1)
        return Span(f"{start:%Y-%m}", _begins(start, zone), span.since)
    start = first - (end - first)
    return Span(f"{start}/{first - DAY}", _begins(start, zone), span.since)


def cut(span: Span, every: str, zone: str) -> list[tuple[datetime, datetime]]:
    """The parts of a period, in order; Invalid says which there are."""
    if every == "whole":
        return [(span.since, span.until)]
    if every == "hour":
        hours = int((span.until - span.since) / timedelta(hours=1))
        edges = [span.since + timedelta(hours=hour) for hour in range(hours + 1)]
    elif every in _FOLLOWING:
        day, end = (at.astimezone(ZoneInfo(zone)).date() for at in (span.since, span.until))
        edges = [span.since]
        while (day := _FOLLOWING[every](day)) < end:
            edges.append(_begins(day, zone))
        edges.append(span.until)
    else:
        raise _unknown("every", every, ("whole", "hour", *_FOLLOWING))
    return list(pairwise(edges))


def over(span: Span, now: datetime) -> bool:
    """Whether nothing more can happen in it."""
    return span.until <= now


def _next_month(day: date) -> date:
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1)


def _next_week(day: date) -> date:
    return day + timedelta(days=7 - day.weekday())


_FOLLOWING: Mapping[str, Callable[[date], date]] = {
    "day": lambda day: day + DAY,
    "week": _next_week,
    "month": _next_month,
}


def _last_month(today: date) -> tuple[date, date]:
    first = today.replace(day=1)
    return (first - DAY).replace(day=1), first


_NAMED: Mapping[str, Callable[[date], tuple[date, date]]] = {
    "today": lambda today: (today, today + DAY),
    "yesterday": lambda today: (today - DAY, today),
    "last-7-days": lambda today: (today - 6 * DAY, today + DAY),
    "last-30-days": lambda today: (today - 29 * DAY, today + DAY),
    "this-week": lambda today: (today - today.weekday() * DAY, today + DAY),
    "this-month": lambda today: (today.replace(day=1), today + DAY),
    "last-month": _last_month,
}
PERIODS = (*_NAMED, "2026-03", "2026-W10", "2026-03-02", "2026-03-01/2026-03-15")
"""Names of periods, and examples of those that are written."""


def _written(name: str) -> tuple[date, date] | None:
    try:
        if re.fullmatch(r"\d{4}-\d\d", name):
            first = date.fromisoformat(f"{name}-01")
            return first, _next_month(first)
        if re.fullmatch(r"\d{4}-W\d\d", name):
            monday = date.fromisoformat(f"{name}-1")
            return monday, monday + 7 * DAY
        first_day, slash, last_day = name.partition("/")
        first = date.fromisoformat(first_day)
        last = date.fromisoformat(last_day) if slash else first
    except (ValueError, OverflowError):
        return None
    return (first, last + DAY) if last < date.max else None


def _begins(day: date, zone: str) -> datetime:
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)


def _unknown(where: str, name: str, known: tuple[str, ...]) -> Invalid:
    return Invalid(
        faults=(Fault(where=where, what=f"there is no {where} {name!r}", allowed=", ".join(known)),)
    )
