"""Analytics is compared with dispatch by day, and case by case only where days differ."""

from collections.abc import Mapping

from qipan.cli.agreement import Day, Digests, disagreements

MONDAY, TUESDAY = ("sandun", "2026-03-02"), ("sandun", "2026-03-03")


class Known:
    """What a service knows; `then` is what it knows after it was asked for a day's cases once."""

    def __init__(
        self, cases: dict[Day, dict[str, int]], then: dict[Day, dict[str, int]] | None = None
    ) -> None:
        self._cases, self._then = cases, then
        self.asked: list[Day] = []

    def digests(self) -> Digests:
        return {day: (len(own), str(sorted(own.items()))) for day, own in self._cases.items()}

    def cases(self, day: Day) -> Mapping[str, int]:
        self.asked.append(day)
        known = self._cases.get(day, {})
        if self._then is not None:
            self._cases = self._then
        return known


def compare(dispatch: Known, analytics: Known, ticks: int = 3) -> list[str]:
    passed = iter(range(1000))
    found = disagreements(
        dispatch, analytics, patience=ticks, clock=lambda: float(next(passed)), pause=lambda _: None
    )
    return [str(one) for one in found]


def test_days_that_agree_are_not_read() -> None:
    cases = {MONDAY: {"a": 3}, TUESDAY: {"b": 1}}
    dispatch, analytics = Known(dict(cases)), Known(dict(cases))
    assert compare(dispatch, analytics) == []
    assert dispatch.asked == analytics.asked == []


def test_what_is_missing_old_or_unknown_is_named_and_only_its_day_is_read() -> None:
    dispatch = Known({MONDAY: {"a": 3, "c": 2}, TUESDAY: {"b": 1}})
    analytics = Known({MONDAY: {"a": 2, "x": 1}, TUESDAY: {"b": 1}})
    assert compare(dispatch, analytics) == [
        "sandun 2026-03-02 a: version 3 in dispatch, 2 in analytics",
        "sandun 2026-03-02 c: version 2 in dispatch, unknown to analytics",
        "sandun 2026-03-02 x: version 1 in analytics, unknown to dispatch",
    ]
    assert set(dispatch.asked) == set(analytics.asked) == {MONDAY}


def test_what_was_under_way_and_arrives_is_no_difference() -> None:
    dispatch = Known({MONDAY: {"a": 3}})
    analytics = Known({MONDAY: {"a": 2}}, then={MONDAY: {"a": 4}})
    assert compare(dispatch, analytics) == []


def test_what_was_filed_between_the_two_readings_is_no_difference() -> None:
    dispatch = Known({MONDAY: {"a": 3}}, then={MONDAY: {"a": 3, "new": 1}})
    analytics = Known({MONDAY: {"a": 3, "new": 1}})
    assert compare(dispatch, analytics) == []
