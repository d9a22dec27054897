"""A batch at the gateway: one by one in order, each answered for itself."""

import asyncio
from concurrent.futures import Future
from datetime import UTC, datetime
from typing import Any

from qipan.contracts.errors import Conflict, DeadlineExceeded, Forbidden, RemoteFault
from qipan.contracts.offline import FIELD_COMMANDS, Outcome, Replayed
from services.gateway.offline import ADDRESSES, GivenBatch, bring_in

NOON = "2026-05-11T04:00:00Z"


class Calls:
    """Answers as told, one after another; then `applied`."""

    def __init__(self, *answers: Any) -> None:
        self.answers, self.asked = list(answers), []

    def submit(self, request: Any, **_: Any) -> Future[Any]:
        self.asked.append(request)
        future: Future[Any] = Future()
        answer = self.answers.pop(0) if self.answers else Replayed(outcome=Outcome.APPLIED, skew=2.0)
        if isinstance(answer, Exception):
            future.set_exception(answer)
        else:
            future.set_result(answer)
        return future


def given(sequence: Any, does: str = "accept", **more: Any) -> dict[str, Any]:
    return {"sequence": sequence, "at": NOON, "case_id": "c1", "does": does, **more}


def brought(calls: Calls, *commands: Any) -> list[Any]:
    batch = GivenBatch(client="phone", sent_at=datetime(2026, 5, 11, 4, tzinfo=UTC), commands=list(commands))
    answers = asyncio.run(bring_in(batch, calls, "sandun", "token", "en"))
    return [(answer.sequence, answer.outcome) for answer in answers.answers]


def test_every_field_command_has_its_address() -> None:
    assert {route.request.type for route in ADDRESSES.values()} == set(FIELD_COMMANDS)
    assert {"accept", "dispose", "return", "inspect", "step"} <= set(ADDRESSES)


def test_commands_go_out_in_their_order_and_are_answered_in_the_batchs() -> None:
    calls = Calls()
    dispose = given(2, "dispose", body={"evidence": ["p"]}, expected_version=3)
    assert brought(calls, dispose, given(1)) == [(2, "applied"), (1, "applied")]
    assert [(one.sequence, one.does) for one in calls.asked] == [
        (1, "task.accept.v1"),
        (2, "task.dispose.v1"),
    ]
    assert (calls.asked[1].body, calls.asked[1].expected_version) == ({"evidence": ["p"]}, 3)


def test_one_that_cannot_be_read_stops_no_other() -> None:
    calls = Calls()
    wrong: list[Any] = [
        "?",
        given("one"),
        given(3, "close"),
        given(4, "dispose", body={"evidence": [], "colour": 1}),
        {**given(5), "colour": 1},
        given(6, expected_version=0),
    ]
    found = brought(calls, *wrong, given(7))
    assert found == [(None, "refused"), (None, "refused")] + [(n, "refused") for n in (3, 4, 5, 6)] + [
        (7, "applied")
    ]
    assert len(calls.asked) == 1


def test_a_refusal_or_a_conflict_stops_no_other() -> None:
    conflict = Replayed(outcome=Outcome.CONFLICT, problem=RemoteFault.of(Conflict()))
    calls = Calls(Forbidden(), conflict)
    assert brought(calls, given(1), given(2), given(3)) == [(1, "refused"), (2, "conflict"), (3, "applied")]


def test_once_nobody_answers_the_rest_is_to_be_sent_again() -> None:
    calls = Calls(Replayed(outcome=Outcome.APPLIED), DeadlineExceeded())
    found = brought(calls, given(1), given(2), given(3))
    assert found == [(1, "applied"), (2, "unavailable"), (3, "unavailable")]
    assert len(calls.asked) == 2
