"""Whose list a case is on, and reading a list page by page."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qipan.contracts.case import OPEN_STAGES, CaseState, Place, Stage
from qipan.contracts.errors import Invalid
from services.dispatch.worklist import HELD, Asker, Cursor, View, merge, views

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


def test_a_cursor_reads_back() -> None:
    cursor = Cursor.of(case(1, 5))
    assert Cursor.parse(str(cursor)) == cursor


@pytest.mark.parametrize("text", ["", "yesterday", "2026-05-11T04:00:00|c1", "2026-05-11T04:00:00+00:00|"])
def test_what_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        Cursor.parse(text)
    assert refused.value.faults[0].where == "after"


@given(
    st.lists(st.lists(st.integers(0, 40), max_size=20), max_size=4),
    st.integers(1, 7),
)
def test_pages_of_several_lists_show_every_case_once_in_order(lists: list[list[int]], limit: int) -> None:
    """Each list is read as the store reads it: those after the cursor, at most `limit`."""
    held = [sorted((case(n, n % 5) for n in set(one)), key=lambda c: (c.due_at, c.case_id)) for one in lists]
    everything = {c.case_id: c for one in held for c in one}
    shown: list[CaseState] = []
    after: Cursor | None = None
    for _ in range(len(everything) + 2):
        pages = [
            [c for c in one if after is None or (c.due_at, c.case_id) > (after.due_at, after.id)][:limit]
            for one in held
        ]
        page, following = merge(pages, limit)
        shown += page
        assert len(page) <= limit
        if following is None:
            break
        after = Cursor.parse(following)
    assert [c.case_id for c in shown] == [
        c.case_id for c in sorted(everything.values(), key=lambda c: (c.due_at, c.case_id))
    ]
