"""Figures, the league, places, surges and what was done, asked of analytics on a real database."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from case_samples import EVENT_OF, MORNING, case, triaged
from eventlet import patcher
from projection_desk import Projection, analytics, build_analytics, told, xihu
from sqlalchemy import event, text

from qipan.contracts.case import Stage
from qipan.contracts.errors import Conflict, Forbidden, Invalid, NotFound
from qipan.contracts.figures import (
    CorrectLeague,
    DoneList,
    ExplainScore,
    Figures,
    GetFigures,
    GetHotspots,
    GetLeague,
    GetWarnings,
    Hotspots,
    League,
    ListDone,
    ListIndicators,
    PublishLeague,
    Warnings,
)
from qipan.tenancy import TestClock
from qipan.tenancy.indicators import INDICATORS
from qipan.testing import Databases
from services.analytics import seeing

real_threads = patcher.original("threading")

METHODS = {
    ListIndicators: "list_indicators",
    GetFigures: "get_figures",
    GetLeague: "get_league",
    ExplainScore: "explain_score",
    PublishLeague: "publish_league",
    CorrectLeague: "correct_league",
    GetHotspots: "get_hotspots",
    GetWarnings: "get_warnings",
    ListDone: "list_done",
}
DAY = timedelta(days=1)
SUPERVISOR = "sandun.supervisor.1"
DISTRICT = "xihu.supervisor.1"


@pytest.fixture
def desk(database_url: Databases) -> Iterator[Projection]:
    desk = analytics(database_url(build_analytics), TestClock(MORNING), METHODS)
    yield desk
    desk.database.close()


def closed(case_id: str, tenant: str = "sandun", at: datetime = MORNING, **changes: Any) -> Any:
    state = case(
        case_id,
        tenant=tenant,
        **{
            "stage": Stage.CLOSED,
            "filed_at": at,
            "due_at": None,
            "dispose_due_at": at + timedelta(hours=4),
            "disposed_at": at + timedelta(hours=2),
            "closed_at": at + timedelta(hours=3),
            **changes,
        },
    )
    return told(EVENT_OF[Stage.CLOSED](case=state), tenant)


def at(desk: Projection, now: datetime) -> None:
    clock: TestClock = desk.database.clocks
    clock.set(now)


def test_every_indicator_is_declared_to_whoever_asks(desk: Projection) -> None:
    answer = desk.ask(SUPERVISOR, ListIndicators())
    assert [one.id for one in answer.indicators] == [one.id for one in INDICATORS]
    assert all(one.name["zh"] and one.name["en"] and not one.own for one in answer.indicators)


def test_figures_by_town_day_and_week(desk: Projection) -> None:
    late = {"disposed_at": MORNING + DAY}
    desk.hear(closed("a"), closed("b", dispose_due_at=MORNING), closed("c", "wenxin", **late))
    desk.hear(closed("d", at=MORNING + 7 * DAY))
    at(desk, MORNING + 8 * DAY)
    asked = GetFigures(indicators=("on_time_disposal",), period="2026-03-01/2026-03-31", every="week")
    figures: Figures = desk.ask(DISTRICT, asked, tenant="xihu")
    found = [(row.member, row.since, row.values["on_time_disposal"].value) for row in figures.rows]
    monday = MORNING - timedelta(hours=8)
    assert found == [("sandun", monday, 0.5), ("sandun", monday + 7 * DAY, 1.0), ("wenxin", monday, 0.0)]
    hours: Figures = desk.ask(SUPERVISOR, GetFigures(period="2026-03-02", every="hour", counts=True))
    assert {row.since: row.counts.get("disposed") for row in hours.rows}[MORNING + timedelta(hours=2)] == 2


@contextmanager
def reading(desk: Projection) -> Iterator[list[tuple[str, int]]]:
    """The statements, and how many rows each brought from the database."""
    brought: list[tuple[str, int]] = []

    def note(_conn: Any, cursor: Any, statement: str, *_: Any) -> None:
        brought.append((statement, cursor.rowcount))

    event.listen(desk.database.engine, "after_cursor_execute", note)
    yield brought
    event.remove(desk.database.engine, "after_cursor_execute", note)


def ten_days_of(desk: Projection, *cells: str) -> None:
    for cell in cells:
        place = {"lon": 120.085, "lat": 30.3, "cells": {"duty": cell}}
        desk.hear(*(closed(f"{cell} {day}", at=MORNING + day * DAY, place=place) for day in range(10)))
    at(desk, MORNING + 40 * DAY)


def test_days_are_added_up_where_they_lie_and_only_what_is_needed_is_read(desk: Projection) -> None:
    ten_days_of(desk, "c1", "c2", "c3")
    with reading(desk) as brought:
        figures: Figures = desk.ask(
            SUPERVISOR, GetFigures(indicators=("closure",), by="cell", period="2026-03", every="week")
        )
    assert [(row.member, row.values["closure"].above) for row in figures.rows] == [
        (cell, closed) for cell in ("c1", "c2", "c3") for closed in (7, 3)
    ]
    assert max(rows for _, rows in brought) == len(figures.rows)
    whole: Figures = desk.ask(SUPERVISOR, GetFigures(by="cell", period="2026-03", counts=True))
    assert [(row.counts["closed"], row.values["disposal"].value) for row in whole.rows] == [(10, 1.0)] * 3


def test_a_question_with_too_many_rows_is_refused_before_they_are_read(
    desk: Projection, monkeypatch: pytest.MonkeyPatch
) -> None:
    ten_days_of(desk, "c1", "c2")
    asked = GetFigures(by="cell", period="2026-03", every="day")
    assert len(desk.ask(SUPERVISOR, asked).rows) == 20
    monkeypatch.setattr("services.analytics.figures.MOST_ROWS", 7)
    with reading(desk) as brought, pytest.raises(Invalid) as refusal:
        desk.ask(SUPERVISOR, asked)
    assert refusal.value.faults[0].where == "every"
    assert max(rows for _, rows in brought) == 8


def test_who_has_something_but_nothing_of_what_is_asked_is_told_of(desk: Projection) -> None:
    desk.hear(told(triaged()), closed("a", "wenxin"))
    figures: Figures = desk.ask(DISTRICT, GetFigures(indicators=("disposal",), period="today"), tenant="xihu")
    assert [(row.member, row.values["disposal"].value) for row in figures.rows] == [
        ("sandun", None),
        ("wenxin", 1.0),
    ]


@pytest.mark.parametrize(
    ("asked", "where", "named"),
    [
        (GetFigures(indicators=("disposal", "speed")), "indicators", "on_time_closure"),
        (GetFigures(period="soon"), "period", "last-month"),
        (GetFigures(by="street"), "by", "cell"),
        (GetFigures(every="minute"), "every", "month"),
        (GetFigures(by="cell", every="hour"), "every", "day"),
        (GetLeague(of="villages"), "of", "departments"),
        (ExplainScore(member="atlantis"), "member", "wenxin"),
    ],
)
def test_what_does_not_exist_is_refused_with_what_does(
    desk: Projection, asked: Any, where: str, named: str
) -> None:
    with pytest.raises(Invalid) as refusal:
        desk.ask(DISTRICT, asked, tenant="xihu")
    [fault] = refusal.value.faults
    assert fault.where == where
    assert named in (fault.allowed or "")


def test_a_division_by_nothing_is_no_value(desk: Projection) -> None:
    desk.hear(told(triaged()))
    [row] = desk.ask(SUPERVISOR, GetFigures(period="today")).rows
    assert row.values["disposal"].value is None
    assert row.values["disposal"].below == 0
    assert row.values["filing"].value == 1.0


def league_of_march(desk: Projection) -> None:
    desk.hear(*(closed(f"good {n}", "wenxin") for n in range(4)))
    desk.hear(closed("fine"), closed("late", dispose_due_at=MORNING + timedelta(hours=1)))
    desk.hear(closed("reworked", counters={"reworks": 1, "offers": 1}))
    at(desk, MORNING + 40 * DAY)


def test_every_lost_point_is_explained_by_cases(desk: Projection) -> None:
    league_of_march(desk)
    place = desk.ask(DISTRICT, ExplainScore(member="sandun", period="2026-03"), tenant="xihu")
    lines = {line.indicator: line for line in place.lines}
    assert [(one.case_id, round(one.points, 6)) for one in lines["on_time_disposal"].cases] == [
        ("late", round(20 / 3, 6))
    ]
    assert [one.case_id for one in lines["rework"].cases] == ["reworked"]
    assert place.score == pytest.approx(100 - sum(line.lost for line in place.lines))
    for line in place.lines:
        assert sum(one.points for one in line.cases) == pytest.approx(line.lost)


def test_a_published_table_stays_and_its_correction_stands_beside_it(desk: Projection) -> None:
    league_of_march(desk)
    published: League = desk.ask(DISTRICT, PublishLeague(period="2026-03"), tenant="xihu")
    assert (published.published, [place.member for place in published.places[:2]]) == (
        True,
        ["wenxin", "sandun"],
    )
    # A late event puts the matter right; the published table does not move.
    desk.hear(closed("late", version=9))
    frozen: League = desk.ask(SUPERVISOR, GetLeague(period="2026-03"), tenant="xihu")
    assert frozen.places == published.places
    live: League = desk.ask(SUPERVISOR, GetLeague(period="2026-03", live=True), tenant="xihu")
    assert not live.published
    assert live.places[1].score > published.places[1].score
    with pytest.raises(Conflict):
        desk.ask(DISTRICT, PublishLeague(period="2026-03"), tenant="xihu")

    corrected: League = desk.ask(
        DISTRICT, CorrectLeague(period="2026-03", reason="the clock of late was wrong"), tenant="xihu"
    )
    assert [one.number for one in corrected.revisions] == [1, 2]
    assert corrected.revisions[1].reason == "the clock of late was wrong"
    now: League = desk.ask(SUPERVISOR, GetLeague(period="2026-03"), tenant="xihu")
    assert now.places[1].score == pytest.approx(live.places[1].score)
    first: League = desk.ask(SUPERVISOR, GetLeague(period="2026-03", revision=1), tenant="xihu")
    assert first.places == published.places


def test_only_what_is_over_is_published_and_only_by_the_district(desk: Projection) -> None:
    league_of_march(desk)
    with pytest.raises(Invalid) as refusal:
        desk.ask(DISTRICT, PublishLeague(period="2026-04"), tenant="xihu")
    assert refusal.value.faults[0].where == "period"
    with pytest.raises(Forbidden):
        desk.ask(SUPERVISOR, PublishLeague(period="2026-03"), tenant="xihu")
    with pytest.raises(Invalid):
        desk.ask(SUPERVISOR, PublishLeague(period="2026-03"))
    with pytest.raises(NotFound):
        desk.ask(DISTRICT, CorrectLeague(period="2026-03", reason="?"), tenant="xihu")


def test_the_trend_is_the_table_before_as_it_was_published(desk: Projection) -> None:
    league_of_march(desk)
    desk.ask(DISTRICT, PublishLeague(period="2026-03"), tenant="xihu")
    desk.hear(closed("late", version=9), closed("april", at=MORNING + 33 * DAY))
    table: League = desk.ask(SUPERVISOR, GetLeague(period="2026-04"), tenant="xihu")
    sandun = next(place for place in table.places if place.member == "sandun")
    published: League = desk.ask(SUPERVISOR, GetLeague(period="2026-03"), tenant="xihu")
    before = next(place for place in published.places if place.member == "sandun")
    assert (sandun.rank, sandun.before_rank, sandun.before_score) == (1, before.rank, before.score)


def test_departments_have_a_league_of_their_own(desk: Projection) -> None:
    desk.hear(closed("a"), closed("b", "wenxin", department="traffic-police", dispose_due_at=MORNING))
    at(desk, MORNING + 40 * DAY)
    table: League = desk.ask(DISTRICT, GetLeague(of="departments", period="2026-03"), tenant="xihu")
    assert {place.member for place in table.places} == {one.id for one in xihu().departments}
    assert [place.member for place in table.places[:2]] == ["urban-management", "traffic-police"]


@pytest.mark.parametrize(
    "asked",
    [GetLeague(), GetLeague(of="departments"), ExplainScore(member="sandun")],
    ids=lambda one: one.type,
)
def test_a_town_holds_no_league(desk: Projection, asked: Any) -> None:
    with pytest.raises(Invalid) as refusal:
        desk.ask(SUPERVISOR, asked)
    [fault] = refusal.value.faults
    assert fault.where == "tenant"
    assert "xihu" in (fault.allowed or "")
    assert desk.ask(SUPERVISOR, asked, tenant="xihu")


def test_to_explain_one_department_only_its_cases_are_read(desk: Projection) -> None:
    desk.hear(*(closed(f"many {n}") for n in range(30)), told(triaged()))
    desk.hear(closed("theirs", "wenxin", department="traffic-police", dispose_due_at=MORNING))
    at(desk, MORNING + 40 * DAY)
    asked = ExplainScore(of="departments", member="traffic-police", period="2026-03")
    with reading(desk) as brought:
        place = desk.ask(DISTRICT, asked, tenant="xihu")
    lost = {line.indicator: [one.case_id for one in line.cases] for line in place.lines if line.lost}
    assert lost == {"on_time_disposal": ["theirs"]}
    assert [rows for statement, rows in brought if "analytics.case_states" in statement] == [1]


def test_reports_are_read_where_the_league_weighs_them(desk: Projection) -> None:
    desk.hear(told(triaged()), closed("a"))
    at(desk, MORNING + 40 * DAY)
    asked = ExplainScore(member="sandun", period="2026-03")
    with reading(desk) as brought:
        desk.ask(DISTRICT, asked, tenant="xihu")
    assert not [statement for statement, _ in brought if "report_states" in statement]
    desk.service.weights = {**desk.service.weights, "filing": 10.0}
    with reading(desk) as brought:
        desk.ask(DISTRICT, asked, tenant="xihu")
    assert [rows for statement, rows in brought if "report_states" in statement] == [1]


def test_places_that_repeat_and_come_back(desk: Projection) -> None:
    def near(metres: float) -> dict[str, Any]:
        return {"place": {"lon": 120.085, "lat": 30.3 + metres / 111_320, "cells": {"duty": "c1"}}}

    desk.hear(closed("first", at=MORNING - 20 * DAY, **near(0)))
    desk.hear(*(closed(f"again {n}", at=MORNING + n * DAY, **near(10 * n)) for n in range(3)))
    desk.hear(closed("elsewhere", at=MORNING + DAY, **near(500)))
    desk.hear(closed("another matter", at=MORNING + DAY, matter="s:09009", **near(0)))
    at(desk, MORNING + 4 * DAY)
    found: Hotspots = desk.ask(SUPERVISOR, GetHotspots(period="last-7-days", metres=60))
    [spot] = found.places
    assert (spot.matter, spot.filed, spot.came_back) == ("s:06010", 3, 3)
    assert spot.cases == ("again 2", "again 1", "again 0")
    assert (found.cells[0].cell, found.cells[0].filed) == ("c1", 5)


def test_cases_of_which_no_place_is_known_are_no_place(desk: Projection) -> None:
    desk.hear(*(closed(f"old {n}") for n in range(4)), *(closed(f"new {n}") for n in range(3)))
    with desk.database.begin() as work:
        # As the migration that added the columns leaves what was there before.
        work.conn.execute(text("UPDATE analytics.case_states SET lon = 0, lat = 0 WHERE case_id LIKE 'old%'"))
    found: Hotspots = desk.ask(SUPERVISOR, GetHotspots(period="last-7-days"))
    assert [(spot.lon, spot.filed) for spot in found.places] == [(case("any").place.lon, 3)]


def test_a_surge_is_told_against_the_season_and_a_usual_monday_is_not(desk: Projection) -> None:
    dice = random.Random(3)
    number = 0
    for day in range(60):
        when = MORNING + day * DAY
        usual = 12 if when.weekday() == 0 else 4
        count = usual + dice.choice((-1, 0, 1)) + (25 if day == 58 else 0)
        for _ in range(count):
            number += 1
            desk.hear(told(triaged(f"r-{number}", received_at=when, triaged_at=when)))
    at(desk, MORNING + 59 * DAY + timedelta(hours=12))
    found: Warnings = desk.ask(SUPERVISOR, GetWarnings(days=14))
    [one] = found.surges
    assert (one.matter, one.day) == ("s:06010", (MORNING + 58 * DAY).date())
    assert one.count > one.limit > one.usual > 2


@pytest.mark.parametrize(
    ("asked", "module", "computes"),
    [(GetWarnings(), seeing.surge, "normal"), (GetHotspots(), seeing.places, "hot_places")],
    ids=["warnings", "hotspots"],
)
def test_what_takes_long_to_compute_holds_up_no_greenlet(
    desk: Projection, monkeypatch: pytest.MonkeyPatch, asked: Any, module: Any, computes: str
) -> None:
    threads = set()
    compute = getattr(module, computes)

    def noting(*given: Any) -> Any:
        threads.add(real_threads.get_ident())
        return compute(*given)

    monkeypatch.setattr(module, computes, noting)
    desk.hear(*(told(triaged(f"r-{day}", received_at=MORNING + day * DAY)) for day in range(30)))
    at(desk, MORNING + 30 * DAY)
    desk.ask(SUPERVISOR, asked)
    assert threads
    assert real_threads.get_ident() not in threads


def test_what_was_done_is_shown_where_the_town_says_so_and_nothing_else(
    desk: Projection, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.hear(
        closed("shown", summary="井盖坏了，电话***", reason="已更换，13812345678"),
        closed("a worker's", channel="grid", reason="done"),
        closed("without words", reason=None),
        told(EVENT_OF[Stage.ACCEPTED](case=case("open", stage=Stage.ACCEPTED, reason="no"))),
    )
    assert desk.ask(SUPERVISOR, ListDone()).done == ()
    parts = xihu().parts["sandun"]
    monkeypatch.setitem(parts.settings, "analytics.public-done", True)
    answer: DoneList = desk.ask(SUPERVISOR, ListDone())
    [one] = answer.done
    assert (one.said, one.did) == ("井盖坏了，电话***", "已更换，***")
    assert set(one.model_dump()) == {
        "tenant",
        "matter",
        "cell",
        "said",
        "reported_at",
        "did",
        "done_at",
        "closed_at",
        "rating",
    }
