"""Handlers 处置人员: take what is offered, go there, put it right, show it; now and then give it back.

Where others support them (协办), each does a part before the lead shows the whole.
"""

from random import Random

from exercise.players.play import Play
from qipan.contracts.case import CaseState, Stage, SupportState
from qipan.tenancy import Person

IN_HAND = frozenset({SupportState.ASKED, SupportState.ACCEPTED})

_SUPPORTER = "supporter"
_RETURNS = 0.06
_DISPUTES = 0.5
_SAYS_WHERE = 0.25
_REASONS = (
    "不属于本单位职责",
    "现场未发现该问题",
    "需要其他部门先行处置",
    "Not ours: belongs to another department",
)


class Handlers:
    """Everybody in the departments' squads. Times are minutes of domain time."""

    role = "handler"
    stages = frozenset({Stage.OFFERED, Stage.ACCEPTED, Stage.REWORK})

    def __init__(self, play: Play) -> None:
        self._play = play

    async def act(self, case: CaseState) -> None:
        """From the offer to the evidence, or back to the dispatcher."""
        play = self._play
        dice = play.dice("handler", case.report_id, str(case.version))
        person = play.cast.handler(case)
        if case.stage is Stage.OFFERED:
            await play.pace.minutes(dice.uniform(2, 12))
            if play.moved_on(case):  # a department's own service has taken it for them
                return
            if case.counters.returns == 0 and dice.random() < _RETURNS:
                await play.step(self.role, person, case, "return", {"reason": dice.choice(_REASONS)})
                return
            if _refused(case) and dice.random() < _DISPUTES:
                await play.step(self.role, person, case, "dispute", {"reason": "职责清单中不属于本单位"})
                return
            case = await play.step(self.role, person, case, "accept")
        case = await self._together(await self._go(case, person, dice))
        photo = f"photo://{case.case_id}/{case.counters.disposals + 1}.jpg"
        await play.step(self.role, person, case, "dispose", {"note": "已处置", "evidence": [photo]})

    async def _together(self, case: CaseState) -> CaseState:
        play = self._play
        for support in case.supports:
            person, task = play.cast.supporter(support), {"task_id": support.task_id}
            if support.state is SupportState.ASKED:
                case = await play.step(_SUPPORTER, person, case, "accept-support", task)
            if support.state in IN_HAND:
                done = {**task, "note": "已协办", "evidence": [f"photo://{support.task_id}.jpg"]}
                case = await play.step(_SUPPORTER, person, case, "finish-support", done)
        return case

    async def _go(self, case: CaseState, person: Person, dice: Random) -> CaseState:
        """On the way, there, at work; some say when they set off and when they have arrived."""
        play, says = self._play, dice.random() < _SAYS_WHERE
        if says:
            case = await play.step(self.role, person, case, "depart")
        await play.pace.minutes(dice.uniform(8, 35))
        if says:
            case = await play.step(self.role, person, case, "arrive")
        await play.pace.minutes(dice.lognormvariate(3.2, 0.6))
        return case


def _refused(case: CaseState) -> bool:
    """Whether the dispatcher refused the return and nobody has said anything to that."""
    returned = case.returned
    return returned is not None and returned.refused is not None and returned.disputed is None
