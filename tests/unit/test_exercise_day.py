import json
from collections import Counter
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from shapely import box

from exercise.day import Flaw, Ground, plan_day
from exercise.players.reporters import body_of
from exercise.scenario import FOLDER, read_scenario
from qipan.territory import Cell

DAY = read_scenario(FOLDER / "day.toml")
TOWNS = ("sandun", "xixi", "wenxin")


def boxes(town: str, west: float) -> list[Cell]:
    """Four duty cells side by side, each with more people than the one before."""
    return [
        Cell(
            f"{town}-{n}",
            town,
            box(west + n / 100, 30, west + (n + 1) / 100, 30.01),
            population=100 * (n + 1),
        )
        for n in range(4)
    ]


GROUND = Ground(
    cells=tuple(cell for i, town in enumerate(TOWNS) for cell in boxes(town, 120 + i)),
    zone="Asia/Shanghai",
    self_disposable=frozenset({"s:06010", "s:06042"}),
)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), reports=st.integers(10, 300))
def test_a_plan_has_as_many_reports_as_asked_each_where_it_says(seed: int, reports: int):
    plan = plan_day(DAY, GROUND, reports=reports, seed=seed)
    assert len(plan.submissions) == reports
    assert [each.at for each in plan.submissions] == sorted(each.at for each in plan.submissions)
    shapes = {town: [cell.shape for cell in GROUND.cells if cell.town == town] for town in TOWNS}
    for each in plan.submissions:
        assert plan.begins <= each.at < plan.begins + timedelta(hours=25)
        if each.flaw is not Flaw.OUTSIDE and not each.key.startswith("day-n"):
            assert any(_in(shape, each) for shape in shapes[each.town])


def _in(shape, each) -> bool:
    west, south, east, north = shape.bounds
    return west <= each.lon <= east and south <= each.lat <= north


def test_the_same_seed_is_the_same_day_and_another_seed_another():
    one, same, other = (plan_day(DAY, GROUND, reports=200, seed=seed) for seed in (7, 7, 8))
    assert one == same
    assert one.submissions != other.submissions


def test_a_day_has_every_town_several_channels_repeats_neighbours_and_flaws():
    plan = plan_day(DAY, GROUND, reports=600, seed=1)
    assert {each.town for each in plan.submissions} == set(TOWNS)
    assert {each.channel for each in plan.submissions} == set(DAY.channels)
    repeats = [each for each in plan.submissions if each.repeat_of and not each.flaw]
    assert len(repeats) == 12
    first = {each.key: each for each in plan.submissions if not each.repeat_of and not each.flaw}
    assert all(body_of(each) == body_of(first[each.repeat_of or ""]) for each in repeats)
    assert Counter(each.flaw for each in plan.submissions if each.flaw) == dict.fromkeys(Flaw, 2)
    assert any(each.self_disposed for each in plan.submissions)
    assert max(reading.value for reading in plan.readings) == 3.9


def test_every_flaw_shows_in_the_body():
    plan = plan_day(DAY, GROUND, reports=600, seed=1)
    flawed = {each.flaw: body_of(each) for each in plan.submissions if each.flaw}
    with pytest.raises(json.JSONDecodeError):
        json.loads(flawed[Flaw.NOT_JSON])
    assert "urgency" in json.loads(flawed[Flaw.UNKNOWN_FIELD])
    assert len(json.loads(flawed[Flaw.TEXT_TOO_LONG])["text"]) > 4000
    assert json.loads(flawed[Flaw.OUTSIDE])["lon"] == 116.39
    assert json.loads(flawed[Flaw.NO_SUCH_MATTER])["matter"] == "s:99999"
    assert json.loads(flawed[Flaw.KEY_REUSED])["text"].startswith("另一件事")


def test_a_scenario_with_an_unknown_word_is_refused(tmp_path):
    path = tmp_path / "day.toml"
    path.write_text(
        (FOLDER / "day.toml").read_text("utf-8").replace("[shares]", "[shares]\nlost = 0.1"), "utf-8"
    )
    with pytest.raises(ValidationError, match=r"shares\.lost"):
        read_scenario(path)
