"""What disturbs a command from before, and what becomes of one that fails."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qipan.contracts.errors import Conflict, Forbidden, IllegalTransition, Invalid, NotFound, QipanError
from qipan.contracts.offline import Outcome, ReplayCommand
from services.dispatch.process import STANDARD
from services.dispatch.replaying import Since, disturbed, id_of, noted, outcome_of, skew

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
