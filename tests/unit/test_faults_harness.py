"""The fault harness can fail: what it counts from outside, each thing once right and once wrong."""

import threading
from typing import Any

from tests.faults import takeover, verdict
from tests.faults.callers import Call
from tests.faults.cluster import verdict as across_hosts
from tests.faults.cluster.gaps import Gaps
from tests.faults.cluster.hosts import CABLES, NODES, of
from tests.faults.command_ledger import Done, without_effect
from tests.faults.evidence import mails
from tests.faults.outage import Outages


def test_a_post_belongs_to_the_outage_in_which_it_was_begun() -> None:
    outages = Outages()
    outages.post_ended(outages.post_begins(), 25, answered=False)  # before: nobody's concern
    outages.begin()
    answered, unanswered = outages.post_begins(), outages.post_begins()
    ending = threading.Thread(target=outages.end, args=(10,))
    ending.start()
    outages.post_ended(answered, 25, answered=True)
    ending.join(0.05)
    assert ending.is_alive()  # it cannot be lifted while a post waits for its answer
    outages.post_ended(unanswered, 3, answered=False)
    ending.join()
    outages.begin()
    outages.end(1)
    assert outages.figures() == {"outages": 2, "acknowledged": 28, "unanswered": 1, "silent": 1}


def test_a_command_is_in_the_history_at_the_version_answered_or_it_is_without_effect() -> None:
    passed = Done("sandun", "c-1", "inspect", 5, "sandun.grid.1", since=4)
    followed = Done("sandun", "c-1", "inspect", 6, "sandun.grid.1", since=4)
    done = [
        passed,
        followed,
        Done("sandun", "c-1", "close", 6, "sandun.lead", since=5),
        Done("sandun", "c-2", "accept", 3, "p", since=2),
    ]
    history = {
        ("sandun", "c-1", 5): ("pass", "sandun.grid.1"),
        ("sandun", "c-1", 6): ("void", "sandun.lead"),
        ("sandun", "c-2", 3): ("accept", "somebody else"),
    }
    assert without_effect(iter(done), history) == done[2:]
    assert without_effect(iter([passed]), {}) == [passed]


def test_mail_is_lost_when_accepted_and_not_taken_and_repeated_no_more_than_there_were_kills() -> None:
    states = {"a": "accepted", "b": "accepted", "c": "queued", "d": "sending"}
    assert mails({"a": 1}, {"a": 3, "d": 1, "x": 1}, states, repeats=1) == {
        "mails_taken": 1,
        "mails_lost": 1,
        "mails_of_nobody": 0,
        "mails_repeated": 2,
        "mails_repeated_beyond": 1,
    }
    assert mails({"x": 1}, {"x": 1}, states, repeats=0)["mails_of_nobody"] == 1


def test_a_run_is_broken_by_any_invariant_and_by_any_of_them_about_nothing() -> None:
    whole: dict[str, Any] = dict.fromkeys(verdict.INVARIANTS, 0) | dict.fromkeys(verdict.FLOORS, 1)
    whole["by_state"] = dict.fromkeys(verdict.STATES, 1)
    assert verdict.broken(whole) == []
    for name in verdict.INVARIANTS:
        assert verdict.broken(whole | {name: 1}) == [name]
    for name in verdict.FLOORS:
        assert verdict.broken(whole | {name: 0}) == [f"no {name}"]
    assert verdict.broken(whole | {"by_state": {}}) == [f"nothing is {state}" for state in verdict.STATES]


def test_only_a_call_open_at_the_kill_was_in_the_killed_ones_hands() -> None:
    before, at, after = Call(1.0, "", 1.9), Call(1.9, "", 6.9), Call(2.2, "", 7.2)
    assert [call.open_between(2.0, 2.1) for call in (before, at, after)] == [False, True, False]
    found: dict[str, Any] = {
        "failed_in_flight_of_the_killed": 4,
        "most_in_flight": 4,
        "failed_beyond": 0,
        "commands_without_effect": 0,
        "commands_doubled": 0,
        "commands_never_answered": 0,
        "callers_died": [],
        "calls_answered": 9,
        "commands_answered": 3,
    }
    assert takeover.broken(found) == []
    assert takeover.broken(found | {"failed_in_flight_of_the_killed": 5})
    assert takeover.broken(found | {"failed_beyond": 1, "commands_answered": 0}) == [
        "takeover: failed_beyond",
        "takeover: no commands_answered",
    ]


def test_a_run_across_hosts_is_broken_by_any_invariant_by_too_little_and_by_a_control_that_did_not_fail() -> (
    None
):
    whole: dict[str, Any] = dict.fromkeys(across_hosts.INVARIANTS, 0) | dict.fromkeys(across_hosts.FLOORS, 1)
    whole |= {"confirmed": 50, "faults": {"kill": 1}, "control": dict.fromkeys(across_hosts.CONTROL, 1)}
    assert across_hosts.broken(whole, 50, ["kill"]) == []
    for name in across_hosts.INVARIANTS:
        assert across_hosts.broken(whole | {name: 1}, 50, ["kill"]) == [name]
        assert across_hosts.broken(whole | {name: -1}, 50, ["kill"]) == [name]
    for name in across_hosts.FLOORS:
        assert across_hosts.broken(whole | {name: 0}, 50, ["kill"]) == [f"no {name}"]
    for name in across_hosts.CONTROL:
        blind = whole | {"control": whole["control"] | {name: 0}}
        assert across_hosts.broken(blind, 50, ["kill"]) == [f"control: no {name}"]
    assert across_hosts.broken(whole, 51, ["kill", "cut"]) == ["confirmed", "never struck: cut"]
    assert across_hosts.broken(whole, 50, [], controlled=False) == ["no control was run"]


def test_a_gap_is_between_two_and_belongs_to_what_went_on_when_it_ended() -> None:
    gaps = Gaps(phase="before")
    for now in (10.0, 10.5, 12.0):
        gaps.mark(now)
    gaps.phase = "cut"
    gaps.mark(15.0)
    gaps.mark(15.5)
    assert (gaps.figures(), gaps.most, gaps.count) == ({"before": 1.5, "cut": 3.0}, 3.0, 5)


def test_a_node_is_parted_from_the_others_or_from_everybody() -> None:
    for node in NODES:
        assert len(of(node)) == 3
        assert set(of(node)) - set(of(node, home=False)) == {(0, node)}
    assert set(CABLES) == {cable for node in NODES for cable in of(node)}
