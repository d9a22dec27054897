"""Planned shifts against a naive model that asks of every minute, by the plainest means, who is to be there."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qipan.contracts.rosters import Attendance
from qipan.tenancy import Words
from qipan.tenancy.model import RosterModel, TownFile
from qipan.tenancy.rosters import Roster, build, faults, wrong_hours
from qipan.worktime import Calendar, Span, china_knows, works_in_china
from services.dispatch.planned import EARLY, DayChange, Plan, PlannedSpan, attendance
from services.dispatch.shifts import NEVER, Duty, away

ZONE = ZoneInfo("Asia/Shanghai")
CALENDAR = Calendar(ZONE, (Span(time(8, 30), time(18)),), works_in_china, china_knows)
WORDS = {"zh": "班", "en": "Shift"}
MAY_DAY = date(2026, 5, 1)  # a Friday, public holiday until the 5th; Saturday the 9th makes up for it
DAYS = ("working", "free", "every-day")
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def at(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime.combine(day, time(hour, minute), ZONE).astimezone(UTC)


def town(**rosters: dict[str, object]) -> TownFile:
    unit = {"name": WORDS, "department": "sanitation", "handlers": 3}
    written = {"id": "west", "code": "1", "name": WORDS, "centre": [0.0, 0.0], "population": 1}
    return TownFile.model_validate({**written, "units": {"sweep": unit}, "rosters": rosters})


def roster(**written: object) -> dict[str, object]:
    return {"name": WORDS, "units": ["sweep"], **written}


def plan_of(worker: str, pack: TownFile, changes: dict[date, DayChange] | None = None) -> Plan:
    return Plan(ZONE, build(pack, CALENDAR)[worker], changes or {})


hours = st.tuples(
    st.integers(0, 23), st.sampled_from((0, 30)), st.integers(0, 23), st.sampled_from((0, 30))
).map(lambda t: f"{t[0]:02}:{t[1]:02}-{t[2]:02}:{t[3]:02}")


@st.composite
def days_hours(draw: st.DrawFn) -> list[str]:
    """Hours that follow one another, the last perhaps past midnight."""
    first = draw(hours)
    second = draw(st.none() | hours)
    found = [first] if second is None else [first, second]
    return found if not list(wrong_hours(found, 24)) else [first]


written = st.builds(
    RosterModel,
    name=st.just(WORDS),
    units=st.just(["sweep"]),
    hours=days_hours(),
    days=st.sampled_from(DAYS),
    weekdays=st.lists(st.sampled_from(WEEKDAYS), unique=True, max_size=3),
)


def to_be_there(rosters: Sequence[RosterModel], changes: dict[date, DayChange], now: datetime) -> bool:
    """Whether somebody is planned at this minute, asked anew of each way that this can be so."""
    local = now.astimezone(ZONE)
    minute = local.hour * 60 + local.minute
    for day, of_it in ((local.date(), minute), (local.date() - timedelta(days=1), minute + 24 * 60)):
        if day in changes:
            ends = [(span.start, span.end) for span in changes[day].spans]
            texts = [f"{start:%H:%M}-{end:%H:%M}" for start, end in ends]
        else:
            texts = []
            for one in rosters:
                named = not one.weekdays or WEEKDAYS[day.weekday()] in one.weekdays
                worked = {"working": works_in_china(day), "free": not works_in_china(day), "every-day": True}
                texts += one.hours if named and worked[one.days] else []
        for text in texts:
            begin, end = (int(part[:2]) * 60 + int(part[3:]) for part in text.split("-"))
            if begin <= of_it < (end if end > begin else end + 24 * 60):
                return True
    return False


@given(
    rosters=st.lists(written, min_size=1, max_size=3),
    changed=st.dictionaries(st.integers(-1, 9), days_hours() | st.just([]), max_size=2),
    begin=st.integers(0, 9 * 24 * 4),
)
def test_a_plan_is_what_every_minute_says(
    rosters: list[RosterModel], changed: dict[int, list[str]], begin: int
) -> None:
    """Over the May holidays of 2026 and the Saturday worked for them, nights and changed days among them."""
    spans = {number: tuple(_span(text) for text in texts) for number, texts in changed.items()}
    changes = {
        MAY_DAY + timedelta(days=number): DayChange(found, "l", "why") for number, found in spans.items()
    }
    pack = town(**{f"r{n}": one.model_dump() for n, one in enumerate(rosters)})
    plan = plan_of("west.sweep.1", pack, changes)
    start = at(MAY_DAY, 0) + timedelta(minutes=15 * begin)
    for quarter in range(100):
        now = start + timedelta(minutes=15 * quarter)
        assert (plan.running(now) is not None) == to_be_there(rosters, changes, now), now
    assert (plan.why_off(start) is None) == to_be_there(rosters, changes, start)
    begins = plan.next_begin(start)
    if begins is not None:
        assert begins > start
        assert to_be_there(rosters, changes, begins)
        minutes = min(int((begins - start) / timedelta(minutes=15)), 400)
        between = [start + timedelta(minutes=15 * n) for n in range(1, minutes)]
        turned = [
            (one, two)
            for one, two in zip([start, *between], between, strict=False)
            if to_be_there(rosters, changes, two) and not to_be_there(rosters, changes, one)
        ]
        assert turned == []  # nobody comes on between now and what is said to be next


def _span(text: str) -> Span:
    start, end = text.split("-")
    return Span(time.fromisoformat(start), time.fromisoformat(end))


def test_a_night_shift_belongs_to_the_day_on_which_it_begins() -> None:
    plan = plan_of("west.sweep.1", town(night=roster(hours=["22:00-06:00"])))
    thursday, friday, saturday = (MAY_DAY - timedelta(days=n) for n in (1, 0, -1))
    assert plan.running(at(friday, 3)) is not None  # Thursday's, although Friday is a holiday
    assert plan.running(at(friday, 23)) is None
    assert plan.running(at(saturday, 3)) is None
    assert [span.day for span in plan.of_today(at(friday, 3))] == [thursday]
    assert plan.why_off(at(friday, 6)) == "off its planned shift until 05-06 14:00 UTC"
    made_up = date(2026, 5, 9)
    assert plan.running(at(made_up, 22)) is not None  # a Saturday that is worked
    assert plan.running(at(made_up + timedelta(days=1), 5, 59)) is not None
    assert plan.running(at(made_up + timedelta(days=1), 6)) is None


def test_a_changed_day_takes_the_rosters_place_and_others_stay() -> None:
    pack = town(
        day=roster(hours=["08:00-16:00"], handlers=[1]), late=roster(hours=["16:00-23:00"], handlers=[2])
    )
    monday = date(2026, 5, 11)
    off = {monday: DayChange((), "sandun.shift-leader.1", "病假")}
    assert set(build(pack, CALENDAR)) == {"west.sweep.1", "west.sweep.2"}  # the third has no roster
    sick = plan_of("west.sweep.1", pack, off)
    assert list(sick.on(monday)) == []
    assert sick.next_begin(at(monday, 7)) == at(monday + timedelta(days=1), 8)
    longer = {monday: DayChange((_span("08:00-20:00"),), "l", "替班")}
    [span] = plan_of("west.sweep.2", pack, longer).on(monday)
    assert (span.begins, span.ends, span.roster) == (at(monday, 8), at(monday, 20), None)


def test_who_is_planned_for_nothing_is_off_for_long() -> None:
    never = Plan(ZONE, (Roster("none", Words("班", "Shift"), (_span("08:00-16:00"),), lambda day: False),))
    assert never.why_off(at(MAY_DAY, 12)) == "off its planned shift for 31 days and more"
    assert never.covers(at(MAY_DAY, 12)) is False


@pytest.mark.parametrize(
    ("duty", "hour", "rule"),
    [
        (NEVER, 12, None),  # within the plan it is as without one
        (NEVER, 20, "roster"),
        (Duty(at(MAY_DAY, 0), at(MAY_DAY, 23)), 20, None),  # signed on is there, planned or not
        (
            Duty(at(MAY_DAY, 8), at(MAY_DAY, 20), at(MAY_DAY, 9)),
            12,
            "available",
        ),  # signed off, though planned
        (Duty(at(MAY_DAY, 8), at(MAY_DAY, 20), at(MAY_DAY, 9)), 20, "roster"),
    ],
)
def test_signing_on_is_the_truth_and_the_plan_passes_over_the_others(
    duty: Duty, hour: int, rule: str | None
) -> None:
    plan = plan_of("west.sweep.1", town(day=roster(hours=["08:00-16:00"], days="every-day")))
    found = away(duty, at(MAY_DAY, hour), required=False, plan=plan)
    assert (found[0] if found else None) == rule
    without = away(duty, at(MAY_DAY, hour), required=False)  # the control: no roster, as ever
    assert (without is None) == (duty.ended is None)


def test_who_never_signed_on_though_asked_to_is_not_asked() -> None:
    plan = plan_of("west.sweep.1", town(day=roster(hours=["08:00-16:00"], days="every-day")))
    assert away(NEVER, at(MAY_DAY, 12), required=True, plan=plan) == (
        "available",
        "never signed on, as dispatch.shifts requires",
    )


PLANNED = PlannedSpan(MAY_DAY, at(MAY_DAY, 8), at(MAY_DAY, 16), None)


@pytest.mark.parametrize(
    ("there", "hour", "stands"),
    [
        ([], 7, Attendance.EXPECTED),
        ([], 8, Attendance.MISSING),
        ([], 16, Attendance.ABSENT),
        ([(7, 20)], 7, Attendance.EXPECTED),  # an hour before it is not for this shift yet
        ([(7, 20)], 8, Attendance.ON),
        ([(7, 20)], 12, Attendance.ON),
        ([(9, 11)], 12, Attendance.LEFT),
        ([(9, 11), (13, 20)], 12, Attendance.LEFT),
        ([(9, 11), (13, 20)], 14, Attendance.ON),
        ([(9, 11)], 17, Attendance.ATTENDED),
        ([(1, 8)], 12, Attendance.MISSING),  # the night before is another shift
        ([(16, 20)], 17, Attendance.ABSENT),
    ],
)
def test_what_has_become_of_a_planned_shift(
    there: list[tuple[int, int]], hour: int, stands: Attendance
) -> None:
    came = [(at(MAY_DAY, begin), at(MAY_DAY, end)) for begin, end in there]
    assert attendance(PLANNED, came, at(MAY_DAY, hour)) is stands


def test_who_comes_a_little_early_comes_for_the_planned_shift() -> None:
    plan = plan_of("west.sweep.1", town(day=roster(hours=["08:00-16:00"], days="every-day")))
    begins = at(MAY_DAY, 8)
    assert plan.covers(begins - EARLY)
    assert not plan.covers(begins - EARLY - timedelta(minutes=1))
    assert plan.covers(begins)
    assert not plan.covers(at(MAY_DAY, 16))
    came = [(begins - EARLY, begins + timedelta(hours=8))]
    assert attendance(PLANNED, came, begins - EARLY) is Attendance.ON


def test_every_fault_of_a_roster_is_found() -> None:
    pack = town(
        one=roster(hours=["08:00-12:00", "11:00-15:00"], units=["sweep", "boats"]),
        two=roster(hours=["22:00-06:00", "08:00-09:00"], handlers=[0, 4]),
        three=roster(hours=["06:00-06:00"]),
        good=roster(hours=["06:00-12:00", "13:00-18:00", "22:00-02:00"]),
    )
    found = sorted((".".join(where[1:]), what) for where, what, _ in faults(pack, 12))
    assert found == [
        ("one.hours", "'11:00-15:00' does not follow"),
        ("one.units", "there is no unit 'boats' in west"),
        ("three.hours", "'06:00-06:00' is too long"),
        ("two.handlers", "sweep has no handler 0, 4"),
        ("two.hours", "'22:00-06:00' does not follow"),
    ]
