"""What disturbs a command from before, and what becomes of one that fails."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qipan.contracts.case import Support, SupportState
from qipan.contracts.errors import Conflict, Forbidden, IllegalTransition, Invalid, NotFound, QipanError
from qipan.contracts.offline import Outcome, ReplayCommand
from services.dispatch.process import STANDARD
from services.dispatch.replaying import (
    Since,
    disturbed,
    has_in_hand,
    id_of,
    noted,
    outcome_of,
    part_of,
    skew,
)
from tests.case_samples import case

NOON = datetime(2026, 5, 11, 4, tzinfo=UTC)


def command(client: str = "phone", sequence: int = 1) -> ReplayCommand:
    return ReplayCommand(
        client=client, sequence=sequence, at=NOON, sent_at=NOON, does="task.accept.v1", case_id="c1"
    )


@pytest.mark.parametrize(
    ("since", "is_disturbed"),
    [
        ([], False),
        ([Since("accept", "me"), Since("dispose", "me")], False),
        ([Since("overdue", "system"), Since("rate", "reporter")], False),
        ([Since("overdue", "system"), Since("dispatch", "d")], True),
        ([Since("a town's own step", "system")], True),
        ([Since("void", "leader")], True),
    ],
)
def test_only_what_others_moved_disturbs(since: list[Since], is_disturbed: bool) -> None:
    assert disturbed(since, "me", STANDARD.steps) is is_disturbed


@pytest.mark.parametrize(
    ("error", "moved", "outcome"),
    [
        (Conflict(), False, Outcome.CONFLICT),
        (IllegalTransition(), False, Outcome.CONFLICT),
        (Forbidden(), True, Outcome.CONFLICT),
        (NotFound(), True, Outcome.CONFLICT),
        (Forbidden(), False, Outcome.REFUSED),
        (Invalid(), True, Outcome.REFUSED),
    ],
)
def test_a_conflict_is_what_another_state_caused(error: QipanError, moved: bool, outcome: Outcome) -> None:
    assert outcome_of(error, moved) is outcome


@given(st.text(max_size=4), st.integers(1, 9), st.text(max_size=4), st.integers(1, 9))
def test_a_command_has_one_id_within_person_and_device(one: str, n: int, other: str, m: int) -> None:
    same = (one, n) == (other, m)
    assert (id_of("me", command(one or "-", n)) == id_of("me", command(other or "-", m))) is (
        same or (one or "-", n) == (other or "-", m)
    )
    assert id_of("me", command(one or "-", n)) != id_of("you", command(one or "-", n))


def test_the_skew_is_how_far_the_device_is_ahead() -> None:
    assert skew(command(), NOON - timedelta(seconds=90)) == 90
    assert noted(command(), -12.6)["client_skew"] == "-13 s"


@pytest.mark.parametrize(
    ("does", "body", "part"),
    [
        ("task.arrive.v1", {}, None),
        ("task.arrive.v1", {"task_id": "c1.s1"}, "c1.s1"),
        ("support.finish.v1", {"task_id": "c1.s1"}, "c1.s1"),
        ("support.finish.v1", {"task_id": 1}, None),  # which the command itself refuses
        ("task.dispose.v1", {"task_id": "c1.s1"}, None),  # the lead's, whatever is sent along
        ("case.close.v1", {"task_id": "c1.s1"}, None),
    ],
)
def test_some_commands_are_about_a_child_task(does: str, body: dict[str, object], part: str | None) -> None:
    assert part_of(command().model_copy(update={"does": does, "body": body})) == part


def test_what_somebody_has_in_hand_is_the_case_or_their_part_of_it() -> None:
    def part(id: str, worker: str | None, state: SupportState) -> Support:
        return Support(task_id=id, unit="u", worker=worker, state=state, asked_at=NOON, changed_at=NOON)

    parts = (
        part("s1", "me", SupportState.ACCEPTED),
        part("s2", None, SupportState.ASKED),
        part("s3", "you", SupportState.ASKED),
        part("s4", "me", SupportState.EXCUSED),
    )
    state = case(worker="lead", supports=parts)
    assert [has_in_hand(state, "me", id) for id in ("s1", "s2", "s3", "s4", None)] == [
        True,
        True,
        False,
        False,
        False,
    ]
    assert has_in_hand(state, "lead", None)
    assert not has_in_hand(state, "lead", "s1")
