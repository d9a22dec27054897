"""What some handlers meet at work beside the straight way. Each case meets one thing at most, once."""

from collections.abc import Sequence
from typing import Protocol

from exercise.players.cast import NobodyThere
from exercise.players.client import NoAnswer, Refusal
from exercise.players.play import Play
from qipan.contracts.case import CaseState, Stage
from qipan.tenancy import Person


class Aside(Protocol):
    """One thing that may happen while a case is in hand."""

    @property
    def role(self) -> str: ...

    async def act(self, case: CaseState, worker: Person) -> CaseState:
        """Let it happen to `worker`'s case; returns the case after it. Raises Refusal, NoAnswer or NobodyThere."""


class Asides:
    """Which case meets what is drawn from the day's seed and the case's id. `shares` are of all cases, 1 at most."""

    def __init__(self, play: Play, shares: Sequence[tuple[Aside, float]] = ()) -> None:
        self._play, self._shares = play, shares
        self._met: set[str] = set()

    async def meet(self, case: CaseState, worker: Person) -> CaseState:
        """The case after what it met, if anything; trouble is counted, and the case goes on as it stands."""
        aside = self._drawn(case)
        if aside is None or case.stage is not Stage.ACCEPTED or case.case_id in self._met:
            return case
        self._met.add(case.case_id)
        try:
            return await aside.act(case, worker)
        except NobodyThere as nobody:
            self._play.tally.add(aside.role, str(nobody))
        except Refusal as refusal:
            self._play.tally.add(aside.role, "clash" if refusal.status == 409 else f"refused: {refusal.code}")
        except NoAnswer:
            self._play.tally.add(aside.role, "no answer")
        return case

    def _drawn(self, case: CaseState) -> Aside | None:
        point = self._play.dice("aside", case.case_id).random()
        for aside, share in self._shares:
            point -= share
            if point < 0:
                return aside
        return None
