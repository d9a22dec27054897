"""A visit's plan: as many reports as asked for, under keys that no other visit used."""

import re
from pathlib import Path

import pytest

from exercise import visit
from qipan.tenancy import District, load_district


@pytest.fixture(scope="module")
def xihu() -> District:
    return load_district(Path("districts/xihu"))


def options(seed: int = 1) -> visit.Options:
    return visit._options(["--gateway", "http://gateway:8080", "--reports", "60", "--seed", str(seed)])


def test_a_visit_reports_as_often_as_it_is_told_and_in_every_town(xihu: District) -> None:
    plan = visit.plan_of(xihu, options())
    assert len(plan.submissions) == 60
    assert {each.town for each in plan.submissions} == {town.id for town in xihu.towns}


def test_a_later_visit_has_other_keys(xihu: District, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visit.time, "time", lambda: 1_000.0)
    first = {each.key for each in visit.plan_of(xihu, options()).submissions}
    monkeypatch.setattr(visit.time, "time", lambda: 1_060.0)
    second = {each.key for each in visit.plan_of(xihu, options()).submissions}
    assert not first & second
    assert all(re.fullmatch(r"visit-1000-.*", key) for key in first)


def test_a_gateway_must_be_named() -> None:
    with pytest.raises(SystemExit):
        visit._options([])
