"""When a service counts as having handled all that was on its way, told from looks at its queues."""

from collections.abc import Sequence
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qipan.backup.settling import Settling, waits
from qipan.messaging import topology

APART = 6.0
TOLD_EVERY = 5.0  # how often a queue tells its length; a wait queue is asked at each look
CORE, WAIT, TOWN, OTHER = "dispatch.core", "dispatch.wait.60000", "dispatch@sandun", "intake.core"
EMPTY = {CORE: 0, WAIT: 0, TOWN: 0, OTHER: 0, "dead": 0}


def left(*looks: tuple[float, dict[str, int]]) -> tuple[str, ...]:
    settling = Settling(APART)
    for now, full in looks:
        settling.look({**EMPTY, **full}, now)
    return settling.left


def test_queues_that_stay_empty_hold_nothing_older() -> None:
    assert left((0.0, {}), (APART, {}), (2 * APART, {})) == ()


def test_one_look_is_not_enough() -> None:
    assert {*left((0.0, {}), (APART - 0.1, {}))} == EMPTY.keys() - {"dead"}


@pytest.mark.parametrize("queue", [CORE, WAIT, TOWN])
def test_a_message_that_goes_back_and_forth_is_seen(queue: str) -> None:
    """Each queue was empty once, and the message is in one or the other all the time."""
    other = WAIT if queue != WAIT else CORE
    hops = [(float(second), {queue if second % 2 else other: 1}) for second in range(60)]
    assert set(left(*hops)) <= {queue, other}
    assert left(*hops)


def test_what_waits_between_two_looks_undoes_the_first() -> None:
    waiting = (3.0, {WAIT: 1})
    assert WAIT in left((0.0, {}), waiting, (APART, {}))
    assert left((0.0, {}), waiting, (APART, {}), (2 * APART, {}), (3 * APART, {})) == ()


def test_a_busy_queue_need_not_be_empty_all_the_time() -> None:
    busy = {CORE: 2}
    assert left((0.0, {}), (3.0, busy), (APART, busy), (APART + 1, {}), (3 * APART, {})) == ()


def test_a_dead_letter_that_nobody_fetched_is_waited_for_when_all_else_is_through() -> None:
    dead = {"dead": 1}
    assert left((0.0, {}), (APART, {}), (APART + 1, dead)) == ("dead",)
    assert left((0.0, dead), (APART, dead), (APART + 1, {}), (2 * APART + 1, {})) == ()


def test_a_queue_that_came_later_or_went_counts_with_its_service() -> None:
    settling = Settling(APART)
    settling.look({CORE: 0, TOWN: 3, OTHER: 0}, 0.0)
    settling.look({CORE: 0, "dispatch@wenxin": 1, OTHER: 0}, APART)
    assert settling.left == ("dispatch@wenxin",)
    settling.look({CORE: 0, OTHER: 0}, 2 * APART)
    settling.look({CORE: 0, OTHER: 0}, 3 * APART)
    assert not settling.left


@given(
    handled=st.lists(st.floats(0.01, 20.0), min_size=1, max_size=len(topology.WAITS_MS) + 1),
    dead=st.floats(0.0, 20.0),
    phases=st.lists(st.floats(0.0, TOLD_EVERY), min_size=2, max_size=2),
    started=st.floats(0.0, 80.0),
    between=st.floats(0.3, 1.4),
)
def test_no_service_counts_as_through_while_a_message_of_its_lives(
    handled: list[float], dead: float, phases: list[float], started: float, between: float
) -> None:
    """It fails again and again, each time after a while in the queue, and becomes a dead letter that is fetched."""
    stays: list[tuple[str, float]] = []
    for attempt, seconds in enumerate(handled):
        if attempt:
            delay = topology.WAITS_MS[attempt - 1]
            stays.append((topology.wait_queue("dispatch", delay), delay / 1000))
        stays.append((CORE, seconds))
    stays.append(("dead", dead))
    ends = list(accumulate(seconds for _, seconds in stays))
    phase = dict(zip((CORE, "dead"), phases, strict=True))
    settling, now = Settling(APART), started
    while now < ends[-1]:
        there = {
            queue: int(
                _where(stays, ends, now if waits(queue) else now - (now - phase[queue]) % TOLD_EVERY) == queue
            )
            for queue in {CORE, "dead", *(queue for queue, _ in stays)}
        }
        settling.look(there, now)
        assert settling.left
        now += between


def _where(stays: Sequence[tuple[str, float]], ends: Sequence[float], at: float) -> str:
    """In which queue the message is; before it came it is where it came to."""
    return next((queue for (queue, _), end in zip(stays, ends, strict=True) if at < end), "")
