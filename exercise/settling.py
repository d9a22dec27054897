"""Waiting until what has been accepted has found its place: events are on their way for a moment."""

import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from exercise.books import Books, audit
from exercise.players.pace import Deadline

LOOK_SECONDS = 2.0


def settled_books(
    database_urls: Mapping[str, str],
    ledger: Path | Iterable[Path],
    *,
    patience: float,
    say: Callable[[str], None] = lambda words: None,
) -> Books:
    """The books of one ledger or several, once they balance and no status is behind.

    Or as they are, once nothing has moved for `patience` seconds.
    """
    ledgers = [ledger] if isinstance(ledger, Path) else list(ledger)
    deadline, before = Deadline(patience), None
    while True:
        books = audit(database_urls, ledgers)
        if books.balanced and not books.stale:
            return books
        now = (books.lost, books.stale, books.duplicate_effects, books.filed)
        if now != before:
            deadline, before = Deadline(patience), now
            say("; ".join(f"{doubt} ({examples[0]})" for doubt, examples in books.doubts.items()))
        elif deadline.over:
            return books
        time.sleep(LOOK_SECONDS)
