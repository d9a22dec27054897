"""How long to wait before something that keeps failing is tried again. Pure."""

SHORTEST = 0.5
LONGEST = 30.0
SETTLED = 60.0
"""Seconds of life after which a process counts as sound again."""


class Backoff:
    """Doubles from half a second to half a minute while lives are short."""

    def __init__(self) -> None:
        self._next = SHORTEST

    def after(self, lived: float) -> float:
        """Seconds to wait now that it has ended after `lived` seconds."""
        if lived >= SETTLED:
            self._next = SHORTEST
        pause = self._next
        self._next = min(LONGEST, self._next * 2)
        return pause
