"""Planned shifts on a real database: who is asked, who did not come, who came unplanned, and changed days."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta

import pytest
from dispatch_desk import MONDAY_NOON, Desk, build_dispatch, triaged, xihu

from qipan.contracts.case import Stage
from qipan.contracts.choosing import RecommendUnits
from qipan.contracts.errors import Forbidden, Invalid
from qipan.contracts.field import EndShift, GetField, StartShift
from qipan.contracts.queries import TellCase
from qipan.contracts.rosters import Attendance, ChangeRoster, GetRoster, RosterAnswer
from qipan.hosting.embedded.postgres import EmbeddedPostgres
from qipan.tenancy import District, Words
from qipan.tenancy.rosters import Roster, spans_of
from qipan.testing import Databases

LEADER, DISPATCHER, TODAY = "sandun.shift-leader.1", "sandun.dispatcher.1", date(2026, 3, 9)
BY_DAY = [f"sandun.sweep.{n}" for n in range(1, 5)]
BY_NIGHT = [f"sandun.sweep.{n}" for n in range(5, 9)]


def rostered() -> District:
    """The district with a Sandun whose sweepers work by day and by night; its other units have no roster."""
    district = xihu()
    works = district.calendar("sandun").works
    day = Roster("day", Words("早班", "Day"), spans_of(["08:00-16:00"]), works)
    night = Roster("night", Words("夜班", "Night"), spans_of(["22:00-06:00"]), works)
    rosters = dict.fromkeys(BY_DAY, (day,)) | dict.fromkeys(BY_NIGHT, (night,))
    sandun = replace(district.parts["sandun"], rosters=rosters)
    return replace(district, parts={**district.parts, "sandun": sandun})


@pytest.fixture(scope="module")
def house(postgres: EmbeddedPostgres, database_templates: dict[str, str]) -> Iterator[Desk]:
    databases = Databases(postgres, database_templates)
    desk = Desk.open(databases(build_dispatch), district=rostered())
    yield desk
    desk.database.close()
    databases.drop()


@pytest.fixture
def desk(house: Desk) -> Desk:
    house.empty()
    house.clock.advance(MONDAY_NOON - house.clock.now("sandun"))
    return house


def missing(desk: Desk) -> list[str]:
    found: RosterAnswer = desk.ask(LEADER, GetRoster(attendance=Attendance.MISSING))
    return [one.worker for one in found.planned]


def passed_over(desk: Desk) -> dict[str, tuple[str, str]]:
    told = desk.ask(DISPATCHER, RecommendUnits(case_id=desk.case().case_id))
    return {one.worker: (one.rule, one.why) for one in told.passed_over if one.worker}


def test_who_is_off_their_planned_shift_is_passed_over_and_others_are_not(desk: Desk) -> None:
    desk.file(triaged("r1"))
    assert desk.case().worker in BY_DAY
    passed = passed_over(desk)
    assert {worker for worker, (rule, _) in passed.items() if rule == "roster"} == set(BY_NIGHT)
    assert passed[BY_NIGHT[0]][1] == (
        f"{BY_NIGHT[0]} is not there: off its planned shift until 03-09 14:00 UTC"
    )
    states = {one.worker: (one.state, one.why) for one in desk.ask(DISPATCHER, GetField()).workers}
    assert states[BY_NIGHT[0]] == ("off", "off its planned shift until 03-09 14:00 UTC")
    assert states["sandun.order.1"][0] == states["sandun.grid-worker.1"][0] == "available"  # no roster


def test_nobody_is_asked_between_the_shifts(desk: Desk) -> None:
    desk.clock.advance(timedelta(hours=6))
    desk.file(triaged("r1"))
    case = desk.case()
    assert (case.stage, case.worker) == (Stage.FILED, None)
    why = desk.ask("sandun.supervisor.1", TellCase(subject=case.case_id)).happenings[0].detail["why"]
    assert "off its planned shift until" in why
    desk.clock.advance(timedelta(hours=7))  # one in the night: Monday's shift, on Tuesday
    desk.file(triaged("r2"))
    assert next(c.worker for c in desk.cases() if c.report_id == "r2") in BY_NIGHT


def test_who_did_not_come_is_listed_and_who_came_unplanned_too(desk: Desk) -> None:
    assert missing(desk) == BY_DAY
    assert desk.ask(BY_DAY[0], StartShift()).planned is True
    assert desk.ask(BY_NIGHT[0], StartShift()).planned is False
    assert desk.ask("sandun.order.1", StartShift()).planned is None
    assert missing(desk) == BY_DAY[1:]
    found = desk.ask(DISPATCHER, GetRoster())
    assert [shift.worker for shift in found.unplanned] == [BY_NIGHT[0]]
    assert {one.worker: one.attendance for one in found.planned} == {
        BY_DAY[0]: Attendance.ON,
        **dict.fromkeys(BY_DAY[1:], Attendance.MISSING),
        **dict.fromkeys(BY_NIGHT, Attendance.EXPECTED),
    }
    assert {(one.roster, one.words["en"]) for one in found.planned} == {("day", "Day"), ("night", "Night")}
    desk.file(triaged("r1"))
    assert BY_NIGHT[0] not in {w for w, (rule, _) in passed_over(desk).items() if rule == "roster"}
    desk.ask(BY_DAY[0], EndShift())
    left = desk.ask(LEADER, GetRoster(attendance=Attendance.LEFT)).planned
    assert [one.worker for one in left] == [BY_DAY[0]]
    mates = desk.ask(BY_DAY[0], GetRoster()).planned
    assert {one.unit for one in mates} == {"sandun/sweep"}
    assert desk.ask("sandun.order.1", GetRoster()).planned == ()
    assert desk.ask(LEADER, GetRoster(day=TODAY + timedelta(days=5))).planned == ()  # a Saturday
    for far in (date.min, date.max, TODAY + timedelta(days=367)):
        with pytest.raises(Invalid, match="no plan"):
            desk.ask(LEADER, GetRoster(day=far))
    for stranger in ("beishan.shift-leader.1", "sandun.grid-worker.1"):
        with pytest.raises(Forbidden):
            desk.ask(stranger, GetRoster())


def test_a_shift_leader_plans_a_day_otherwise_and_back_again(desk: Desk) -> None:
    worker = BY_NIGHT[0]
    change = ChangeRoster(worker=worker, day=TODAY, hours=("10:00-18:00",), reason="替班")
    [told] = desk.ask(LEADER, change).planned
    assert (told.begins, told.roster, told.changed_by, told.reason) == (
        MONDAY_NOON - timedelta(hours=2),
        None,
        LEADER,
        "替班",
    )
    assert set(missing(desk)) == {*BY_DAY, worker}
    desk.ask(DISPATCHER, ChangeRoster(worker=BY_DAY[0], day=TODAY, hours=(), reason="病假"))
    assert set(missing(desk)) == {*BY_DAY[1:], worker}
    desk.file(triaged("r1"))
    rules = {who: rule for who, (rule, _) in passed_over(desk).items()}
    assert rules[BY_DAY[0]] == "roster"
    assert rules.get(worker) != "roster"
    mates = {one.worker: one.reason for one in desk.ask(BY_NIGHT[1], GetRoster()).planned}
    assert (mates[worker], BY_DAY[0] in mates) == (
        None,
        False,
    )  # why is for the centre, and for whose day it is
    assert [o.reason for o in desk.ask(worker, GetRoster()).planned if o.worker == worker] == ["替班"]
    back = change.model_copy(update={"hours": None, "reason": "恢复"})
    assert [one.roster for one in desk.ask(LEADER, back).planned] == ["night"]
    assert set(missing(desk)) == set(BY_DAY[1:])
    kept = desk.rows("SELECT worker, hours, by FROM dispatch.roster_changes ORDER BY seq")
    assert [(row.worker, row.hours, row.by) for row in kept] == [
        (worker, ["10:00-18:00"], LEADER),
        (BY_DAY[0], [], DISPATCHER),
        (worker, None, LEADER),
    ]


def test_a_day_is_planned_only_by_the_centre_and_only_so_that_it_can_be_worked(desk: Desk) -> None:
    change = ChangeRoster(worker=BY_DAY[0], day=TODAY, hours=("10:00-18:00",), reason="替班")
    for nobody in (BY_DAY[0], "sandun.supervisor.1", "beishan.shift-leader.1", "sandun.town-lead.1"):
        with pytest.raises(Forbidden):
            desk.ask(nobody, change)
    wrong = change.model_copy(
        update={"day": TODAY - timedelta(days=1), "hours": ("22:00-06:00", "05:00-20:00")}
    )
    with pytest.raises(Invalid) as caught:
        desk.ask(LEADER, wrong)
    assert [fault.where for fault in caught.value.faults] == ["hours", "hours", "hours", "day"]
    for unplanned in ("sandun.order.1", "beishan.sweep.1", "nobody"):
        with pytest.raises(Invalid, match="planned shifts"):
            desk.ask(LEADER, change.model_copy(update={"worker": unplanned}))
    assert desk.rows("SELECT * FROM dispatch.roster_changes") == []


def test_an_exercise_has_the_rosters_of_its_town_under_its_own_ids(desk: Desk) -> None:
    district = desk.process.district
    assert set(district.rosters("sandun~ex7")) == {f"{worker}~ex7" for worker in (*BY_DAY, *BY_NIGHT)}
    assert district.rosters("beishan") == xihu().rosters("beishan")
