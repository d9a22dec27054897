"""The yardstick for assignments: its days are the same every time, its plans are whole, and hindsight is no worse."""

from itertools import permutations

import pytest

from bench.assigning import (
    Day,
    Job,
    Plan,
    arrivals,
    burdens,
    day,
    hindsight,
    jain,
    measure,
    nearest_first,
    p90,
    rolled,
)
from services.dispatch.travel import USUAL_TRAVEL


def test_a_day_is_the_same_every_time_and_another_is_not() -> None:
    assert day(3, 4, 30) == day(3, 4, 30) != day(4, 4, 30)
    assert len(day(3, 4, 30).jobs) == 30


def test_a_rolled_plan_does_every_job_once_and_nobody_is_early() -> None:
    today = day(1, 4, 40)
    plan = rolled(today, nearest_first)
    assert sorted(job for jobs in plan for job in jobs) == list(range(40))
    assert min(arrivals(today, plan)) >= 0
    work = sum(job.work for job in today.jobs)
    assert sum(burdens(today, plan)) > work


def test_waiting_is_counted_from_filing_to_arrival() -> None:
    near, far = (120.0, 30.0), (120.01, 30.0)
    today = Day((Job(10, near, 20), Job(12, far, 5)), (near,))
    way = USUAL_TRAVEL.minutes(near, far)
    assert arrivals(today, [[0, 1]]) == pytest.approx([0, 18 + way])
    assert burdens(today, [[0, 1]]) == pytest.approx([25 + way])


def test_hindsight_finds_the_best_plan_of_a_small_day_and_is_never_worse_than_its_start() -> None:
    today = day(2, 2, 5, hours=1)
    start: Plan = [[0, 1, 2, 3, 4], []]

    def cost(plan: Plan) -> float:
        waits = arrivals(today, plan)
        return sum(waits) / len(waits) + p90(waits)

    every = [[list(order[:cut]), list(order[cut:])] for order in permutations(range(5)) for cut in range(6)]
    assert cost(hindsight(today, start, 3_000, heat=8.0)) == pytest.approx(min(cost(plan) for plan in every))
    assert cost(hindsight(today, start, 1)) <= cost(start)


def test_fairness_is_one_when_all_have_the_same() -> None:
    assert jain([5, 5, 5]) == 1
    assert jain([9, 0, 0]) == pytest.approx(1 / 3)
    assert p90([float(n) for n in range(1, 11)]) == 9


def test_it_tells_what_it_measured() -> None:
    found = measure(workers=4, cases=40, days=2, steps=300)
    for way in ("nearest_first", "one_by_one", "matched", "hindsight"):
        assert found[way]["p90_arrival"] > 0
        assert 0 < found[way]["fairness"] <= 1
    ratio = found["matched"]["p90_arrival"] / found["nearest_first"]["p90_arrival"]
    assert found["matched_to_nearest_first"] == pytest.approx(ratio, rel=0.01)
