"""Whose list a case is on, and reading a list page by page."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from qipan.contracts.case import OPEN_STAGES, CaseState, Place, Stage
from qipan.contracts.errors import Invalid
from services.dispatch.worklist import HELD, Asker, Cursor, Order, View, sights, views

EVERY = frozenset(Stage)
NOON = datetime(2026, 5, 11, 4, tzinfo=UTC)


def asker(*roles: str, **reach: object) -> Asker:
    return Asker(**{"id": "me", "roles": frozenset(roles), "everything": False, **reach})


def stages(found: tuple[View, ...]) -> set[Stage]:
    return {stage for view in found for stage in view.stages}


def case(number: int, minutes: int) -> CaseState:
    return CaseState(
        case_id=f"c{number:03}",
        report_id=f"r{number}",
        tenant="sandun",
        version=1,
        stage=Stage.OFFERED,
        matter="s:06010",
        place=Place(lon=120, lat=30),
        summary="",
        channel="app",
        received_at=NOON,
        filed_at=NOON,
        due_at=NOON + timedelta(minutes=minutes),
    )


def test_a_handler_has_own_tasks_and_those_nobody_of_the_unit_was_asked_for() -> None:
    found = views(asker("handler", units=frozenset({"sandun/sweep"})), "sandun", is_department=False)
    assert found == (
        View(HELD, tenant="sandun", worker="me"),
        View(HELD, tenant="sandun", unit="sandun/sweep"),
    )


def test_an_inspector_has_what_others_disposed_of_in_own_cells() -> None:
    [view] = views(asker("grid-worker", cells=frozenset({"c1"})), "sandun", is_department=False)
    assert (view.stages, view.cells, view.not_worker) == (
        frozenset({Stage.DISPOSED}),
        frozenset({"c1"}),
        "me",
    )


@pytest.mark.parametrize(
    ("role", "waiting"),
    [
        ("dispatcher", {Stage.FILED, Stage.RETURNED}),
        ("shift-leader", {Stage.INSPECTED}),
        ("supervisor", {Stage.DISPOSED}),
        ("town-lead", set(OPEN_STAGES)),
        ("operator", set(OPEN_STAGES)),
    ],
)
def test_a_centres_people_have_what_waits_for_their_role(role: str, waiting: set[Stage]) -> None:
    assert stages(views(asker(role, everything=True), "sandun", is_department=False)) == waiting


def test_a_dispatcher_may_ask_for_any_open_stage_and_for_no_other() -> None:
    wanted = (Stage.OFFERED, Stage.CLOSED)
    found = views(asker("dispatcher", everything=True), "sandun", is_department=False, wanted=wanted)
    assert stages(found) == {Stage.OFFERED}
    found = views(asker("dispatcher", everything=True), "sandun", is_department=False, wanted=(Stage.CLOSED,))
    assert found == ()


def test_a_handler_asks_only_within_own_tasks() -> None:
    mine = asker("handler", units=frozenset({"sandun/sweep"}))
    wanted = (Stage.DISPOSED, Stage.REWORK)
    assert stages(views(mine, "sandun", is_department=False, wanted=wanted)) == {Stage.REWORK}
    assert views(mine, "sandun", is_department=False, wanted=(Stage.FILED,)) == ()


def test_a_departments_people_see_what_its_units_have_at_home_and_in_a_town() -> None:
    at_home = views(asker("dispatcher", everything=True), "traffic-police", is_department=True)
    assert {view.abroad for view in at_home} == {"traffic-police"}
    assert {view.tenant for view in at_home} == {None}
    in_town = views(asker("dispatcher", department="traffic-police"), "sandun", is_department=False)
    assert {(view.tenant, view.department) for view in in_town} == {("sandun", "traffic-police")}


def test_whoever_has_no_part_in_it_has_no_list() -> None:
    assert views(asker("citizen"), "sandun", is_department=False) == ()


def test_at_home_a_departments_handler_has_the_tasks_of_every_town() -> None:
    mine = asker("handler", units=frozenset({"traffic-police/squad"}))
    found = views(mine, "traffic-police", is_department=True)
    assert {(view.tenant, view.abroad) for view in found} == {(None, "traffic-police")}


@pytest.mark.parametrize(
    ("who", "is_department", "seen"),
    [
        ({"everything": True}, False, [View(EVERY, tenant="sandun")]),
        ({"everything": True}, True, [View(EVERY, abroad="sandun")]),
        (
            {"department": "traffic-police"},
            False,
            [View(EVERY, tenant="sandun", department="traffic-police")],
        ),
        (
            {"units": frozenset({"u1", "u2"}), "cells": frozenset({"c1"})},
            False,
            [
                View(EVERY, tenant="sandun", of_unit="u1"),
                View(EVERY, tenant="sandun", of_unit="u2"),
                View(EVERY, tenant="sandun", in_cells=frozenset({"c1"})),
            ],
        ),
        ({}, False, []),
    ],
)
def test_a_search_sees_as_far_as_the_right_reaches(
    who: dict[str, Any], is_department: bool, seen: list[View]
) -> None:
    assert list(sights(asker(**who), "sandun", is_department=is_department)) == seen


def test_only_who_may_see_everything_sees_every_town() -> None:
    towns = ("beishan", "sandun")
    lead = sights(asker(everything=True), "xihu", is_department=False, towns=towns)
    assert [view.tenant for view in lead] == ["beishan", "sandun", "xihu"]
    [handler] = sights(asker(units=frozenset({"u"})), "xihu", is_department=False, towns=towns)
    assert handler.tenant == "xihu"


@pytest.mark.parametrize("order", Order)
def test_a_cursor_reads_back(order: Order) -> None:
    cursor = Cursor.of(case(1, 5), order)
    assert Cursor.parse(str(cursor)) == cursor
    assert cursor.at == NOON + timedelta(minutes=5 if order is Order.DUE else 0)


@pytest.mark.parametrize("text", ["", "yesterday", "2026-05-11T04:00:00|c1", "2026-05-11T04:00:00+00:00|"])
def test_what_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        Cursor.parse(text)
    assert refused.value.faults[0].where == "after"
