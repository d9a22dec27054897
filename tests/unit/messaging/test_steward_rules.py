"""What may arrive, and when a steward may judge: no broker needed."""

import pytest

from qipan.contracts.errors import Forbidden, Invalid
from qipan.tenancy import ServiceSpec
from services.steward.rules import check_names, extra_events, is_added
from services.steward.watch import Patience

CORE = {"dispatch": ("report.triaged.v1",)}
SPECS = (ServiceSpec("sandun", "floodwatch", None, "own.py:FloodWatch", 1, ("reading.observed.v1",)),)


def test_every_fault_is_told_at_once() -> None:
    with pytest.raises(Invalid) as refused:
        check_names("a.b", "*", ("#", "case.filed.v1", "case.#"))
    assert [(fault.where, fault.what.split("'")[1]) for fault in refused.value.faults] == [
        ("serves", "a.b"),
        ("instance", "*"),
        ("events", "#"),
        ("events", "case.#"),
    ]


def test_names_that_are_fine_pass() -> None:
    check_names("floodwatch", "floodwatch-0a1b2c", ("reading.observed.v1", "sandun.flood-alarm.raised.v12"))


def test_a_core_service_may_be_taken_over_by_anyone_and_an_added_one_only_by_who_adds_it() -> None:
    assert is_added("dispatch", "wenxin", CORE, SPECS) is False
    assert is_added("floodwatch", "sandun", CORE, SPECS) is True
    assert is_added("floodwatch", "sandun~ex7", CORE, SPECS) is True
    with pytest.raises(Forbidden):
        is_added("floodwatch", "wenxin", CORE, SPECS)


def test_a_pack_that_replaces_under_another_name_adds_nothing() -> None:
    replacing = (ServiceSpec("sandun", "my-dispatch", "dispatch", None, 1, ()),)
    with pytest.raises(Forbidden):
        is_added("my-dispatch", "sandun", CORE, replacing)


def test_only_what_the_core_does_not_hear_is_extra() -> None:
    assert extra_events("dispatch", ("report.triaged.v1", "reading.observed.v1"), CORE) == (
        "reading.observed.v1",
    )
    assert extra_events("floodwatch", ("reading.observed.v1",), CORE) == ("reading.observed.v1",)


class Clock:
    """Real time as a test sets it."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def pass_time(clock: Clock, patience: Patience, seconds: float) -> list[bool]:
    judged = []
    for _ in range(int(seconds / 0.5)):
        clock.now += 0.5
        judged.append(patience.may_judge())
    return judged


def test_a_steward_that_just_started_waits_for_a_whole_lease() -> None:
    clock = Clock()
    assert pass_time(clock, Patience(10.0, clock), 12.0) == [False] * 19 + [True] * 5


def test_whose_broker_was_away_waits_again() -> None:
    clock = Clock()
    patience = Patience(10.0, clock)
    pass_time(clock, patience, 20.0)
    patience.ill()
    assert pass_time(clock, patience, 9.0) == [False] * 18
    assert pass_time(clock, patience, 1.0) == [False, True]


def test_who_was_stopped_itself_waits_again() -> None:
    clock = Clock()
    patience = Patience(10.0, clock)
    pass_time(clock, patience, 20.0)
    clock.now += 30.0
    assert patience.may_judge() is False
    assert pass_time(clock, patience, 9.0) == [False] * 18
