"""After the fact: callbacks 回访, and rectifications 整改, which the unit answers and a shift leader closes."""

from exercise.players.play import Play
from qipan.contracts.case import CaseState, Stage

_CALLED = 0.04
_CONTACTED = 0.85
_POOR = 2
"""The worst ratings open a rectification: this one and below."""


class Followers:
    """Whoever looks after a closed case."""

    role = "follow-up"
    stages = frozenset({Stage.CLOSED})

    def __init__(self, play: Play) -> None:
        self._play = play
        self._called: set[str] = set()
        self._rectified: set[str] = set()

    async def act(self, case: CaseState) -> None:
        """Call some of the reporters back, and put right what was rated poorly."""
        if case.rating is not None and case.rating <= _POOR and case.case_id not in self._rectified:
            self._rectified.add(case.case_id)
            await self._rectify(case)
        elif case.case_id not in self._called:
            self._called.add(case.case_id)
            await self._call_back(case)

    async def _rectify(self, case: CaseState) -> None:
        play = self._play
        await play.pace.minutes(play.dice("rectify", case.case_id).uniform(20, 60))
        answer = {"answer": "已重新处置", "evidence": [f"photo://{case.case_id}/again.jpg"]}
        unit = play.cast.handler(case)
        case = await play.step("handler", unit, case, "answer-rectification", answer)
        await play.pace.minutes(10)
        leader = play.cast.one("shift-leader", case.tenant)
        await play.step("shift-leader", leader, case, "close-rectification", {"accepted": True})

    async def _call_back(self, case: CaseState) -> None:
        play = self._play
        dice = play.dice("callback", case.case_id)
        if dice.random() >= _CALLED:
            return
        await play.pace.minutes(dice.uniform(20, 60))
        said = {"contacted": dice.random() < _CONTACTED}
        if said["contacted"]:
            said |= {"resolved": dice.random() < 0.9, "satisfied": dice.random() < 0.8}
        await play.step("acceptor", play.cast.one("acceptor", case.tenant), case, "callback", said)
