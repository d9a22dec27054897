"""The pause before a restart."""

from hypothesis import given
from hypothesis import strategies as st

from qipan.hosting.backoff import LONGEST, SETTLED, SHORTEST, Backoff


def test_it_doubles_while_lives_are_short() -> None:
    backoff = Backoff()
    assert [backoff.after(0.1) for _ in range(4)] == [0.5, 1.0, 2.0, 4.0]


def test_a_long_life_makes_it_patient_again() -> None:
    backoff = Backoff()
    for _ in range(10):
        backoff.after(0.1)
    assert backoff.after(SETTLED) == SHORTEST


@given(st.lists(st.floats(0, 1000), min_size=1))
def test_it_stays_between_its_bounds(lives: list[float]) -> None:
    backoff = Backoff()
    assert all(SHORTEST <= backoff.after(lived) <= LONGEST for lived in lives)
