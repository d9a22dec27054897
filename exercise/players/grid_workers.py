"""Grid workers 网格员 inspect what others have disposed of (their reports are sent by `reporters`)."""

from exercise.players.play import Play
from exercise.players.together import excuse, missing
from qipan.contracts.case import CaseState, Stage

_FAILS = 0.03


class GridWorkers:
    """Whoever walks the cell looks; where nobody does, or it was their own work, a supervisor looks."""

    role = "grid-worker"
    stages = frozenset({Stage.DISPOSED})

    def __init__(self, play: Play) -> None:
        self._play = play

    async def act(self, case: CaseState) -> None:
        """核查: usually good, sometimes to be done again (once). Whoever's part is still missing is excused first."""
        play = self._play
        dice = play.dice("inspect", case.report_id, str(case.counters.disposals))
        await play.pace.minutes(dice.uniform(8, 45))
        passed = case.counters.reworks > 0 or dice.random() >= _FAILS
        body = {"passed": passed, "note": "" if passed else "现场仍未清理干净"}
        for part in missing(case):
            case = await excuse(play, case, part)
        await play.step(self.role, play.cast.inspector(case), case, "inspect", body)
