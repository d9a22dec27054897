"""The operating mode: what may be switched to what, and that an emergency ends."""

from datetime import UTC, datetime, timedelta

import pytest

from qipan.contracts.errors import Conflict, Invalid
from qipan.contracts.modes import Mode, ModeState, SwitchMode
from services.dispatch.modes import holding, switched

NOON = datetime(2026, 7, 25, 4, tzinfo=UTC)
LATER = NOON + timedelta(hours=6)
PEACE = ModeState(tenant="sandun")
TYPHOON = SwitchMode(mode=Mode.EMERGENCY, level=1, reason="台风橙色预警", until=LATER)


def test_a_town_that_never_switched_is_at_peace() -> None:
    assert holding(None, "sandun", NOON) == PEACE
    assert PEACE.mode is Mode.PEACETIME


def test_an_emergency_holds_until_its_end() -> None:
    emergency = switched(PEACE, TYPHOON, "lead", NOON)
    assert (emergency.number, emergency.by, emergency.since) == (1, "lead", NOON)
    assert holding(emergency, "sandun", LATER - timedelta(seconds=1)) is emergency
    after = holding(emergency, "sandun", LATER)
    assert (after.mode, after.number, after.since, after.by) == (Mode.PEACETIME, 2, LATER, "system")


def test_its_level_and_its_end_may_change() -> None:
    emergency = switched(PEACE, TYPHOON, "lead", NOON)
    worse = switched(
        emergency, TYPHOON.model_copy(update={"level": 2, "until": None}), "lead", NOON + timedelta(hours=1)
    )
    assert (worse.number, worse.level, worse.until) == (2, 2, None)
    over = switched(worse, SwitchMode(mode=Mode.PEACETIME, reason="解除"), "lead", LATER)
    assert (over.number, over.mode, over.level) == (3, Mode.PEACETIME, None)


@pytest.mark.parametrize(
    ("asked", "where"),
    [
        (SwitchMode(mode=Mode.EMERGENCY, reason=" ", until=NOON), ["reason", "level", "until"]),
        (SwitchMode(mode=Mode.PEACETIME, reason="x", level=1, until=LATER), ["level", "until"]),
        (SwitchMode(mode=Mode.EMERGENCY, level=1, reason="x", until=datetime(2027, 1, 1)), ["until"]),  # noqa: DTZ001
    ],
)
def test_all_that_is_missing_is_told_at_once(asked: SwitchMode, where: list[str]) -> None:
    with pytest.raises(Invalid) as refused:
        switched(PEACE, asked, "lead", NOON)
    assert [fault.where for fault in refused.value.faults] == where


def test_a_switch_that_changes_nothing_is_refused_with_the_mode_that_holds() -> None:
    emergency = switched(PEACE, TYPHOON, "lead", NOON)
    with pytest.raises(Conflict) as refused:
        switched(emergency, TYPHOON, "other", NOON)
    assert refused.value.context["mode"]["number"] == 1
    with pytest.raises(Conflict):
        switched(PEACE, SwitchMode(mode=Mode.PEACETIME, reason="x"), "lead", NOON)
