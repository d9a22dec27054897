"""A spell without a broker: every post begun in it must be answered."""

import threading
from dataclasses import dataclass, field


@dataclass
class Outage:
    """What clients saw in one spell: reports acknowledged, posts without an answer, posts still waiting for one.

    A time-out, a refused or a lost connection, a 429, a 5xx, and a line of a batch with one are no answer.
    """

    acknowledged: int = 0
    unanswered: int = 0
    waiting: int = 0


@dataclass
class Outages:
    """All the spells; a post belongs to the spell in which it was begun, however long it takes."""

    past: list[Outage] = field(default_factory=list)
    _now: Outage | None = None
    _changed: threading.Condition = field(default_factory=threading.Condition)

    @property
    def on(self) -> bool:
        """Whether the broker is down."""
        return self._now is not None

    def begin(self) -> Outage:
        """The broker is dead from here on."""
        with self._changed:
            self._now = Outage()
            self.past.append(self._now)
            return self._now

    def wait_for(self, reports: int, seconds: float) -> None:
        """Until so many reports were acknowledged in this spell; at most so many seconds."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._now is None or self._now.acknowledged >= reports, timeout=seconds
            )

    def end(self, seconds: float) -> None:
        """No post belongs to it from here on; returns when those that do have ended, and only then may it be lifted.

        Raises TimeoutError when one of them never ends: it would hide behind the fault that comes next.
        """
        with self._changed:
            outage, self._now = self._now, None
            if outage is None:
                return
            if not self._changed.wait_for(lambda: outage.waiting == 0, timeout=seconds):
                raise TimeoutError(f"{outage.waiting} posts never ended while the broker was down")

    def post_begins(self) -> Outage | None:
        """A client is about to post; the spell that this falls into."""
        with self._changed:
            if self._now is not None:
                self._now.waiting += 1
            return self._now

    def post_ended(self, outage: Outage | None, acknowledged: int, *, answered: bool) -> None:
        """How it went: `answered` when every report of the post got an answer."""
        if outage is None:
            return
        with self._changed:
            outage.waiting -= 1
            outage.acknowledged += acknowledged
            outage.unanswered += not answered
            self._changed.notify_all()

    def figures(self) -> dict[str, int]:
        """For the results: `silent` counts the spells in which nothing at all was acknowledged."""
        return {
            "outages": len(self.past),
            "acknowledged": sum(outage.acknowledged for outage in self.past),
            "unanswered": sum(outage.unanswered for outage in self.past),
            "silent": sum(not outage.acknowledged for outage in self.past),
        }
