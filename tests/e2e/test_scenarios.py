"""Every scenario, in a town that the core serves and in one that runs its own dispatch."""

import importlib
import pkgutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

import pytest

from exercise.house import open_house
from exercise.players.pace import Pace
from qipan.hosting.running import RunningDistrict
from qipan.settings import Settings
from tests.e2e import scenarios
from tests.e2e.scenarios.scene import Scene

ROOT = Path(__file__).parents[2]
MONDAY_MORNING = datetime(2026, 6, 15, 1, tzinfo=UTC)
SCENARIOS = [
    importlib.import_module(f"{scenarios.__name__}.{found.name}")
    for found in pkgutil.iter_modules(scenarios.__path__)
    if found.name != "scene"
]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDistrict]:
    """The whole district; a minute of its time passes in a second."""
    base = tmp_path_factory.mktemp("scenarios")
    for folder in (base, *base.parents[:2]):
        folder.chmod(folder.stat().st_mode | 0o011)
    settings = Settings(district=ROOT / "districts/xihu", var=base)

    def clocks() -> str:
        return Pace.starting(MONDAY_MORNING, 60.0).setting()

    with open_house(settings, base, clocks, lambda _: None) as running:
        yield running


@pytest.mark.timeout(300)
@pytest.mark.parametrize("town", ["xixi", "sandun"])
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__.rpartition(".")[2])
def test_it_plays(running: RunningDistrict, scenario: ModuleType, town: str) -> None:
    scenario.play(Scene(running, town))


def test_one_town_is_served_by_the_core_and_the_other_by_itself(running: RunningDistrict) -> None:
    serving = Scene(running, "xihu").who("district-lead").get("/v1/who")["serving"]
    dispatches = {each.get("tenant") for each in serving if each["service"] == "dispatch"}
    assert "sandun" in dispatches
    assert "xixi" not in dispatches
