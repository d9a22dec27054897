"""The workers of a process: at most one for each destination, so that one which hangs holds up no other."""

from collections.abc import Callable

from services.notify.sender import Sender


class Crew:
    """Puts a worker to every destination that has something to send and has none yet.

    `beside(work)` begins `work` beside the caller and goes on. Workers share nothing but the delivery log.
    """

    def __init__(self, beside: Callable[[Callable[[], None]], None]) -> None:
        self._beside = beside
        self._at_work: set[str] = set()

    def send(self, sender: Sender) -> None:
        """Begin what is due; returns at once."""
        for destination in sender.due():
            if destination not in self._at_work:
                self._at_work.add(destination)
                self._beside(lambda name=destination: self._work(sender, name))  # type: ignore[misc]

    def _work(self, sender: Sender, destination: str) -> None:
        try:
            sender.turn(destination)
        finally:
            self._at_work.discard(destination)
