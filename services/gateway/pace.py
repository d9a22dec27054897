"""When to look for news: soon after something happened and a few times more, else now and then."""

PAUSES = (0.2, 0.5, 1.5)
"""Seconds after a happening, then after each look: notify writes messages some 0.15 s after the event, or later."""
REST = 15.0
"""Seconds between looks when nothing happens: call-outs and what else timers bring ring no bell."""
AWAY = 2.0
"""Seconds after a look that failed."""


class Pace:
    """The time of the next look at one tenant, in the seconds of whoever asks; the first is at once."""

    def __init__(self, now: float) -> None:
        self.due = now
        self._pauses: tuple[float, ...] = ()

    def rung(self, now: float) -> None:
        """Something happened. A look that is due sooner stays: many happenings are one look."""
        self.due = min(self.due, now + PAUSES[0])
        self._pauses = PAUSES[1:]

    def looking(self, now: float) -> None:
        """A look begins."""
        self.due = now + (self._pauses[0] if self._pauses else REST)
        self._pauses = self._pauses[1:]

    def failed(self, now: float) -> None:
        """A look did not work; once one does, what was not written meanwhile follows."""
        self.due = now + AWAY
        self._pauses = PAUSES[1:]

    def again(self, now: float) -> None:
        """There is more than a look showed."""
        self.due = now
