"""When a service counts as having handled all that was on its way, told from looks at its queues."""

import pytest

from qipan.backup.settling import Settling

APART = 6.0
CORE, WAIT, TOWN, OTHER = "dispatch.core", "dispatch.wait.60000", "dispatch@sandun", "intake.core"
EMPTY = {CORE: 0, WAIT: 0, TOWN: 0, OTHER: 0, "dead": 0}


def left(*looks: tuple[float, dict[str, int]]) -> tuple[str, ...]:
    settling = Settling(APART)
    for now, full in looks:
        settling.look({**EMPTY, **full}, now)
    return settling.left


def test_queues_that_stay_empty_hold_nothing_older() -> None:
    assert left((0.0, {}), (APART, {})) == ()


def test_one_look_is_not_enough() -> None:
    assert set(left((0.0, {}), (APART - 0.1, {}))) == set(EMPTY)


@pytest.mark.parametrize("queue", [CORE, WAIT, TOWN])
def test_a_message_that_goes_back_and_forth_is_seen(queue: str) -> None:
    """Each queue was empty once, and the message is in one or the other all the time."""
    other = WAIT if queue != WAIT else CORE
    hops = [(float(second), {queue if second % 2 else other: 1}) for second in range(60)]
    assert set(left(*hops)) <= {queue, other}
    assert left(*hops)


def test_what_waits_between_two_looks_undoes_the_first() -> None:
    assert left((0.0, {}), (3.0, {WAIT: 1}), (APART, {})) == (WAIT,)
    assert left((0.0, {}), (3.0, {WAIT: 1}), (APART, {}), (2 * APART, {})) == ()


def test_a_busy_queue_need_not_be_empty_all_the_time() -> None:
    assert left((0.0, {}), (3.0, {CORE: 2}), (APART, {CORE: 2}), (APART + 1, {})) == ()


def test_a_dead_letter_that_nobody_fetched_belongs_to_any_service() -> None:
    assert left((0.0, {"dead": 1}), (APART, {"dead": 1}), (2 * APART, {"dead": 1})) == ("dead",)


def test_a_queue_that_came_later_or_went_counts_with_its_service() -> None:
    settling = Settling(APART)
    settling.look({CORE: 0, TOWN: 3, OTHER: 0}, 0.0)
    settling.look({CORE: 0, "dispatch@wenxin": 1, OTHER: 0}, APART)
    assert settling.left == ("dispatch@wenxin",)
    settling.look({CORE: 0, OTHER: 0}, 2 * APART)
    settling.look({CORE: 0, OTHER: 0}, 3 * APART)
    assert settling.left == ()
