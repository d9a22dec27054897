"""Shift leaders 值班长 close what has passed inspection."""

from exercise.players.play import Play
from qipan.contracts.case import CaseState, Stage


class ShiftLeaders:
    """The supervision centre's desk: separate from whoever dispatched."""

    role = "shift-leader"
    stages = frozenset({Stage.INSPECTED})

    def __init__(self, play: Play) -> None:
        self._play = play

    async def act(self, case: CaseState) -> None:
        """结案."""
        play = self._play
        await play.pace.minutes(play.dice("close", case.report_id).uniform(2, 15))
        await play.step(self.role, play.cast.one("shift-leader", case.tenant), case, "close")
