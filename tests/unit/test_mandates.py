"""Mandates: what they cover, what they lack, and whom a town may command."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qipan.contracts.mandates import MandateKind
from qipan.tenancy import Book, Mandate, load_district
from qipan.tenancy.mandate import Lacks
from services.dispatch.choosing import Choice, choose
from services.dispatch.commanding import commanded, desks_of
from services.dispatch.filing import Arriving, Ground, Rules, file_all
from services.dispatch.grounds import Grounds
from services.dispatch.who import who_may_handle
from tests.case_samples import triaged

NOW = datetime(2026, 3, 9, 4, tzinfo=UTC)
HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Thing:
    code: str = "s:06010"
    coercive: bool = False


def mandate(id: str = "m1", **changes: object) -> Mandate:
    return replace(Mandate(id, "sanitation", "sandun", MandateKind.ENTRUSTED, "委托书"), **changes)


@pytest.mark.parametrize(
    ("changes", "thing", "cell", "lacks"),
    [
        ({}, Thing(), "c1", None),
        ({}, Thing(), None, None),
        ({"matters": frozenset({"s:06010"})}, Thing(), "c1", None),
        ({"matters": frozenset({"s:06011"})}, Thing(), "c1", Lacks.MATTER),
        ({}, Thing(coercive=True), "c1", Lacks.KIND),
        ({"kind": MandateKind.DELEGATED}, Thing(coercive=True), "c1", Lacks.KIND),
        ({"kind": MandateKind.STATIONED}, Thing(coercive=True), "c1", None),
        ({"cells": frozenset({"c1"})}, Thing(), "c1", None),
        ({"cells": frozenset({"c2"})}, Thing(), "c1", Lacks.AREA),
        ({"cells": frozenset({"c2"})}, Thing(), None, Lacks.AREA),
        ({"valid_from": NOW}, Thing(), "c1", None),
        ({"valid_from": NOW + HOUR}, Thing(), "c1", Lacks.NOT_YET),
        ({"valid_until": NOW + HOUR}, Thing(), "c1", None),
        ({"valid_until": NOW}, Thing(), "c1", Lacks.EXPIRED),
        ({"revoked": True}, Thing(), "c1", Lacks.REVOKED),
    ],
)
def test_what_a_mandate_lacks(
    changes: dict[str, object], thing: Thing, cell: str | None, lacks: Lacks | None
) -> None:
    assert mandate(**changes).lacks(thing, cell, NOW) is lacks


def test_a_department_commands_its_own_without_a_mandate_and_nobody_elses() -> None:
    book = Book(own={"sanitation"})
    assert book.commands("sanitation", Thing(), "c1", NOW)
    assert not book.commands("police", Thing(), "c1", NOW)
    assert book.why_not("police", Thing(), "c1", NOW) == "police has granted no mandate here"


def test_the_reason_is_told_by_the_mandate_that_came_nearest() -> None:
    other, over = mandate("other", matters=frozenset({"s:06011"})), mandate("over", valid_until=NOW)
    assert Book([other, over]).why_not("sanitation", Thing(), "c1", NOW) == (
        "over of sanitation expired at 2026-03-09 04:00Z"
    )
    assert "does not cover s:06010" in Book([other]).why_not("sanitation", Thing(), "c1", NOW)


some = st.builds(
    lambda id, matters, cells, begins, lasts, kind, revoked: mandate(
        id,
        matters=frozenset(matters),
        cells=frozenset(cells),
        valid_from=None if begins is None else NOW + begins * HOUR,
        valid_until=None if lasts is None else NOW + ((begins or 0) + lasts) * HOUR,
        kind=kind,
        revoked=revoked,
    ),
    id=st.sampled_from("abcdef"),
    matters=st.sets(st.sampled_from(["s:06010", "s:06011"])),
    cells=st.sets(st.sampled_from(["c1", "c2"])),
    begins=st.none() | st.integers(-3, 3),
    lasts=st.none() | st.integers(1, 3),
    kind=st.sampled_from(MandateKind),
    revoked=st.booleans(),
)


@given(st.lists(some, max_size=6), st.sampled_from(["c1", "c2", None]), st.integers(-4, 4), st.booleans())
def test_a_unit_is_commanded_exactly_where_some_mandate_lacks_nothing(
    mandates: list[Mandate], cell: str | None, hours: int, coercive: bool
) -> None:
    book, thing, now = Book(mandates), Thing(coercive=coercive), NOW + hours * HOUR
    expected = any(one.lacks(thing, cell, now) is None for one in mandates)
    assert book.commands("sanitation", thing, cell, now) == expected
    given_one = book.given("sanitation", thing, cell, now)
    assert (given_one is not None) == expected
    assert given_one is None or given_one.lacks(thing, cell, now) is None


@pytest.fixture(scope="module")
def grounds() -> Grounds:
    return Grounds(load_district(Path("districts/xihu")))


def without(ground: Ground, *departments: str) -> Ground:
    """The ground of a town to which these departments have granted nothing."""
    return replace(ground, book=Book(m for m in ground.book.mandates if m.department not in departments))


def file(ground: Ground, matter: str, rules: Rules | None = None):
    rules = rules or Rules(choose, lambda matter, usual: usual)
    arriving = Arriving("sandun", triaged("r1", matter=matter), "m1", None)
    [change] = file_all([arriving], lambda _: ground, {}, rules, lambda _: NOW, "dispatch")
    return change


def test_a_case_is_offered_under_a_mandate_and_the_history_names_it(grounds: Grounds) -> None:
    change = file(grounds.of("sandun"), "s:06010")
    assert (change.after.case.unit, change.after.case.mandate) == ("sandun/sweep", "sanitation")
    assert "under mandate sanitation (entrusted" in change.detail["why"]


@pytest.mark.parametrize(
    ("matter", "department", "holder", "people"),
    [
        (
            "s:09009",
            "traffic-police",
            "traffic-police",
            "traffic-police.dispatcher.1, traffic-police.dispatcher.2",
        ),
        ("s:06010", "sanitation", "xihu", "xihu.dispatcher.1, xihu.dispatcher.2"),
    ],
)
def test_without_one_the_department_is_asked_by_name(
    grounds: Grounds, matter: str, department: str, holder: str, people: str
) -> None:
    change = file(without(grounds.of("sandun"), department), matter)
    case = change.after.case
    assert (case.stage, case.department, case.unit, case.worker) == ("filed", department, None, None)
    assert (change.after.unit_tenant, case.counters.offers) == (holder, 0)
    assert change.detail["asked"] == department
    assert f"{department} has granted no mandate here" in change.detail["why"]
    assert f"on the list of {people}" in change.detail["why"]


def test_an_exercise_asks_the_exercises_people(grounds: Grounds) -> None:
    desk = grounds.of("sandun~ex7").desks["traffic-police"]
    assert (desk.tenant, desk.people[0]) == ("traffic-police~ex7", "traffic-police.dispatcher.1~ex7")


def test_a_towns_own_rule_cannot_send_whom_nobody_granted(grounds: Grounds) -> None:
    """Neither is the unit shown to it, nor does it help to name it all the same."""
    full = grounds.of("sandun")
    rescue = next(squad.unit for squad in full.squads if squad.unit.id == "sandun/rescue")
    seen: list[bool] = []

    def own(situation):
        seen.append(situation.squad("sandun/rescue") is not None)
        return Choice(rescue, None, ("always the rescuers",))

    change = file(without(full, "emergency"), "s:01013", Rules(own, lambda matter, usual: usual))
    assert seen == [False]
    assert (change.after.case.unit, change.detail["asked"]) == (None, "emergency")
    assert file(full, "s:01013", Rules(own, lambda matter, usual: usual)).after.case.unit == "sandun/rescue"


def test_where_all_may_be_commanded_nothing_is_copied(grounds: Grounds) -> None:
    ground = grounds.of("sandun")
    matter = ground.matters["s:06010"]
    assert commanded(ground.squads, ground.book, matter, None, NOW) is ground.squads


def test_who_may_handle_says_for_every_unit_why(grounds: Grounds) -> None:
    ground = grounds.of("zhuantang")
    who = who_may_handle("zhuantang", ground, ground.matters["s:04002"], None, NOW)
    told = {one.unit.partition("/")[2]: one for one in who.units}
    assert {unit for unit, one in told.items() if one.may} == {"order", "green"}
    assert {unit for unit, one in told.items() if one.lead} == {"green"}
    assert (told["green"].rule, told["green"].mandate_id) == ("mandate", "urban-management")
    assert (told["sweep"].rule, who.ask) == ("matter", None)
    lacking = who_may_handle(
        "zhuantang", without(ground, "urban-management"), ground.matters["s:04002"], None, NOW
    )
    assert {one.rule for one in lacking.units if one.unit.endswith(("order", "green"))} == {"mandate-lacking"}
    assert (lacking.ask, lacking.asks[0]) == ("urban-management", "xihu.dispatcher.1")


def test_the_district_commands_units_of_departments_without_people(grounds: Grounds) -> None:
    district = grounds.of("xihu").book
    assert district.commands("sanitation", Thing(), None, NOW)
    assert not district.commands("traffic-police", Thing(), None, NOW)
    assert grounds.of("traffic-police").book.commands("traffic-police", Thing(), None, NOW)
    assert desks_of(load_district(Path("districts/xihu")), "xihu")["sanitation"].tenant == "xihu"
