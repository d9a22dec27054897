"""Timers of cases that fire: which can be seen to now, and which are asked again."""

from collections.abc import Iterator, Sequence

from qipan.storage import Timer, Work
from services.dispatch import reading, telling
from services.dispatch.change import Stored


def of_free_cases(work: Work, due: Sequence[Timer]) -> Iterator[tuple[Timer, Stored]]:
    """The timers whose cases are there and nobody works on, locked; the others are asked again.

    A timer's `ref` is the case's id, or begins with it and a space.
    """
    keys = [(timer.tenant, timer.ref.partition(" ")[0]) for timer in due]
    found, busy = reading.lock_free(work.conn, keys)
    for timer, key in zip(due, keys, strict=True):
        if key in busy:
            telling.ask_again(work, timer)
        elif (before := found.get(key)) is not None:
            yield timer, before
