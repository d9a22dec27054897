"""The operating mode on a real database: switched by a lead, over at its end, known to whoever chooses."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from dispatch_desk import MONDAY_NOON, Desk, build_dispatch

from qipan.contracts.errors import Conflict, Forbidden, Invalid
from qipan.contracts.modes import GetMode, Mode, SwitchMode
from qipan.storage import timers
from qipan.testing import Databases
from services.dispatch.entrypoints.mode import MODE_END

LEAD = "sandun.town-lead.1"
TYPHOON = SwitchMode(mode=Mode.EMERGENCY, level=1, reason="台风", until=MONDAY_NOON + timedelta(hours=6))


@pytest.fixture
def desk(database_url: Databases) -> Iterator[Desk]:
    desk = Desk.open(database_url(build_dispatch))
    yield desk
    desk.database.close()


def mode(desk: Desk, tenant: str = "sandun") -> str:
    """The mode as choosing and the clocks see it, on whichever replica."""
    with desk.database.begin() as work:
        return desk.service.field(work, [tenant])[tenant].mode


def let_end(desk: Desk, after: timedelta) -> int:
    desk.clock.advance(after)
    with desk.database.begin() as work:
        due = timers.take_due(work.conn, "dispatch", MODE_END, desk.clock.now("sandun"))
        if due:
            desk.service.mode_end(work, due)
        return len(due)


def told(desk: Desk) -> list[tuple[str, str, int]]:
    said = [(tenant, message["data"]["state"]) for tenant, message in desk.said()]
    return [(tenant, state["mode"], state["number"]) for tenant, state in said]


def test_an_emergency_begins_holds_and_ends(desk: Desk) -> None:
    other = Desk.on(desk, desk.process.district)
    assert mode(other) == "peacetime"
    state = desk.ask(LEAD, TYPHOON)
    assert (state.number, state.mode, state.by) == (1, Mode.EMERGENCY, LEAD)
    assert (mode(other), mode(other, "beishan"), mode(other, "sandun~ex7")) == (
        "emergency",
        "peacetime",
        "peacetime",
    )
    assert let_end(desk, timedelta(hours=5)) == 0
    desk.clock.advance(timedelta(hours=1))
    assert mode(other) == "peacetime"  # before any timer has fired
    assert let_end(desk, timedelta()) == 1
    assert let_end(desk, timedelta(days=1)) == 0
    assert told(desk) == [("sandun", "emergency", 1), ("sandun", "peacetime", 2)]
    answer = desk.ask("sandun.sweep.1", GetMode())
    assert (answer.now.mode, [state.number for state in answer.history]) == (Mode.PEACETIME, [2, 1])


def test_an_end_that_was_moved_does_not_end_it(desk: Desk) -> None:
    desk.ask(LEAD, TYPHOON)
    with desk.database.begin() as work:
        stale = timers.take_due(work.conn, "dispatch", MODE_END, MONDAY_NOON + timedelta(hours=6))
    desk.ask(LEAD, TYPHOON.model_copy(update={"until": None}))
    with desk.database.begin() as work:
        desk.service.mode_end(work, stale)
    desk.clock.advance(timedelta(days=2))
    assert mode(desk) == "emergency"
    desk.ask(LEAD, SwitchMode(mode=Mode.PEACETIME, reason="解除"))
    assert mode(desk) == "peacetime"
    assert desk.rows("SELECT * FROM dispatch.timers") == []


def test_a_switch_after_the_end_comes_after_it(desk: Desk) -> None:
    desk.ask(LEAD, TYPHOON)
    desk.clock.advance(timedelta(hours=7))
    desk.ask(LEAD, TYPHOON.model_copy(update={"until": None}))
    assert let_end(desk, timedelta()) == 0
    assert [number for _, _, number in told(desk)] == [1, 2, 3]


def test_of_two_who_switch_at_once_one_wins(desk: Desk) -> None:
    def switch(number: int) -> str:
        try:
            desk.ask(LEAD, TYPHOON)
        except Conflict:
            return "refused"
        return "switched"

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(switch, range(4))) == ["refused"] * 3 + ["switched"]
    assert len(told(desk)) == 1


def test_only_a_lead_switches_and_only_a_town(desk: Desk) -> None:
    for who in ("sandun.dispatcher.1", "beishan.town-lead.1", "sandun.sweep.1"):
        with pytest.raises(Forbidden):
            desk.ask(who, TYPHOON)
    with pytest.raises(Invalid, match="Only a town"):
        desk.ask("xihu.district-lead.1", TYPHOON, tenant="xihu")
    assert desk.ask("xihu.district-lead.1", TYPHOON).by == "xihu.district-lead.1"
