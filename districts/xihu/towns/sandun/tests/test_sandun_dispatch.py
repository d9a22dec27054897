"""Sandun's rule: flooding goes to the town's own team while it has a hand free."""

from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from qipan.contracts.case import Place
from qipan.contracts.events import Outcome, ReportTriaged
from qipan.hosting.service_class import service_class
from qipan.tenancy import District, load_district
from qipan.worktime import Limit
from services.dispatch.choosing import Situation, squads_of
from services.dispatch.clocks import USUAL

NOW = datetime(2026, 6, 20, 6, tzinfo=UTC)
FLOOD, RUBBISH = "x-xihu:em:00006", "s:06010"


@cache
def xihu() -> District:
    return load_district(Path(__file__).parents[3])


def situation(matter: str, loads: dict[str, int] | None = None) -> Situation:
    report = ReportTriaged(
        report_id="r1",
        outcome=Outcome.FILE,
        matter=matter,
        place=Place(lon=120.085, lat=30.325),
        summary="",
        channel="app",
        received_at=NOW,
        triaged_at=NOW,
    )
    squads = squads_of(xihu(), "sandun")
    return Situation("sandun", report, xihu().matters_of("sandun")[matter], squads, loads or {}, NOW)


@pytest.fixture
def dispatch() -> Any:
    return service_class(xihu(), "dispatch", "sandun")()


def test_flooding_goes_to_the_towns_own_team_and_says_why(dispatch: Any) -> None:
    choice = dispatch.choose(situation(FLOOD))
    assert (choice.unit.id, choice.worker) == ("sandun/rescue", "sandun.rescue.1")
    assert "Sandun's own" in choice.reasons[0]


def test_in_a_storm_the_district_rule_helps_out(dispatch: Any) -> None:
    busy = {f"sandun.rescue.{n}": 5 for n in range(1, 4)}
    assert dispatch.choose(situation(FLOOD, busy)).unit.id == "sandun/water"
    assert dispatch.choose(situation(FLOOD, {**busy, "sandun.rescue.2": 4})).worker == "sandun.rescue.2"


def test_everything_else_goes_the_districts_way(dispatch: Any) -> None:
    core = service_class(xihu(), "dispatch", None)()
    assert dispatch.choose(situation(RUBBISH)) == core.choose(situation(RUBBISH))


def test_flooding_is_to_be_accepted_within_ten_minutes(dispatch: Any) -> None:
    matters = xihu().matters_of("sandun")
    assert dispatch.limits(matters[FLOOD], USUAL).accept == Limit.parse("10 minutes")
    assert dispatch.limits(matters[RUBBISH], USUAL) == USUAL
