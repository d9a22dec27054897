"""Rosters (排班): who of a unit is planned to be on duty when, by the town's own calendar."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta

from qipan.tenancy.model import RosterModel, TownFile
from qipan.tenancy.people import handler_ids
from qipan.tenancy.words import Words
from qipan.worktime import Calendar, Span

LONGEST_HOURS = 12
"""The longest shift where the pack does not say otherwise (`dispatch.shift-hours`)."""

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True)
class Roster:
    """A planned shift that comes again: `spans` of the day, local, on the days that `falls_on` says.

    A span whose end is not after its start runs past midnight and belongs to the day on which it begins.
    """

    id: str
    name: Words
    spans: tuple[Span, ...]
    falls_on: Callable[[date], bool]


def build(town: TownFile, calendar: Calendar) -> dict[str, tuple[Roster, ...]]:
    """The rosters of each worker who has any, by the worker's id. `town` must have no `faults`."""
    found: dict[str, list[Roster]] = {}
    for id, written in town.rosters.items():
        name = Words(written.name.zh, written.name.en)
        roster = Roster(id, name, spans_of(written.hours), _days(written, calendar))
        for unit in written.units:
            ids = handler_ids(town.id, unit, town.units[unit].handlers)
            for number in written.handlers or range(1, len(ids) + 1):
                found.setdefault(ids[number - 1], []).append(roster)
    return {worker: tuple(rosters) for worker, rosters in found.items()}


Finding = tuple[tuple[str, ...], str, str]
"""Where in the town's pack, what is wrong, and what is allowed."""


def faults(town: TownFile, longest: int) -> Iterator[Finding]:
    """What in a town's rosters speaks of somebody who is not there, or cannot be worked.

    `longest`: the most hours of one shift.
    """
    for id, roster in town.rosters.items():
        key = ("rosters", id)
        for unit in roster.units:
            known = town.units.get(unit)
            if known is None:
                yield (
                    (*key, "units"),
                    f"there is no unit {unit!r} in {town.id}",
                    ", ".join(sorted(town.units)),
                )
            elif wrong := [number for number in roster.handlers if not 1 <= number <= known.handlers]:
                what = f"{unit} has no handler {', '.join(map(str, wrong))}"
                yield (*key, "handlers"), what, f"1 to {known.handlers}"
        for what, allowed in wrong_hours(roster.hours, longest):
            yield (*key, "hours"), what, allowed


def wrong_hours(hours: Sequence[str], longest: int) -> Iterator[tuple[str, str]]:
    """What keeps these from being the hours of one day's shifts: what is wrong, and what is allowed."""
    last = ""
    for index, text in enumerate(hours):
        [span] = spans_of([text])
        start = text.partition("-")[0]
        if start < last or (span.overnight and index < len(hours) - 1):
            yield f"{text!r} does not follow", "spans in order; only the last may run past midnight"
        if _length(span) > timedelta(hours=longest):
            yield f"{text!r} is too long", f"at most {longest} hours (dispatch.shift-hours)"
        last = text.partition("-")[2]


def spans_of(hours: Sequence[str]) -> tuple[Span, ...]:
    """The spans that are written as `22:00-06:00`."""
    parts = [text.partition("-") for text in hours]
    return tuple(Span(time.fromisoformat(start), time.fromisoformat(end)) for start, _, end in parts)


def _length(span: Span) -> timedelta:
    minutes = [60 * at.hour + at.minute for at in (span.start, span.end)]
    return timedelta(minutes=minutes[1] - minutes[0] + (24 * 60 if span.overnight else 0))


def _days(written: RosterModel, calendar: Calendar) -> Callable[[date], bool]:
    named = frozenset(WEEKDAYS.index(name) for name in written.weekdays)
    worked = _WORKED[written.days]

    def falls_on(day: date) -> bool:
        return (not named or day.weekday() in named) and worked(calendar, day)

    return falls_on


_WORKED: Mapping[str, Callable[[Calendar, date], bool]] = {
    "working": lambda calendar, day: calendar.works(day),
    "free": lambda calendar, day: not calendar.works(day),
    "every-day": lambda calendar, day: True,
}


def in_exercise(
    rosters: Mapping[str, tuple[Roster, ...]], shadow: str | None
) -> Mapping[str, tuple[Roster, ...]]:
    """The rosters by the ids that their workers have in an exercise; `shadow` None: in real life."""
    return rosters if shadow is None else {f"{worker}~{shadow}": own for worker, own in rosters.items()}


def longest_hours(*settings: Mapping[str, object]) -> int:
    """The longest shift by the last of these settings that says so."""
    said = [own["dispatch.shift-hours"] for own in settings if "dispatch.shift-hours" in own]
    hours = said[-1] if said else LONGEST_HOURS
    if isinstance(hours, int) and not isinstance(hours, bool) and 1 <= hours <= 24:
        return hours
    return LONGEST_HOURS  # what is wrong with a setting is told as its own fault
