"""Handlers 处置人员: take what is offered, go there, put it right, show it; now and then give it back.

Where others support them (协办), each does a part before the lead shows the whole.
"""

from random import Random

from exercise.players.asides import Asides
from exercise.players.offline import Offline
from exercise.players.play import Play
from exercise.players.squads import holder_of
from exercise.players.together import do_parts
from qipan.contracts.case import CaseState, Stage
from qipan.tenancy import Person

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
    """Everybody in the departments' squads. Times are minutes of domain time.

    `asides` is what may happen while a case is in hand; `offline` does the work where there is no signal.
    """

    role = "handler"
    stages = frozenset({Stage.OFFERED, Stage.ACCEPTED, Stage.REWORK})

    def __init__(self, play: Play, asides: Asides | None = None, offline: Offline | None = None) -> None:
        self._play, self._asides, self._offline = play, asides or Asides(play), offline

    async def act(self, case: CaseState) -> None:
        """From the offer to the evidence, or back to the dispatcher."""
        play, tenant = self._play, holder_of(case)
        dice = play.dice("handler", case.report_id, str(case.version))
        person = play.cast.handler(case)
        if case.stage is Stage.OFFERED:
            await play.pace.minutes(dice.uniform(2, 12))
            if play.moved_on(case):  # a department's own service has taken it for them
                return
            if case.counters.returns == 0 and dice.random() < _RETURNS:
                why = {"reason": dice.choice(_REASONS)}
                await play.step(self.role, person, case, "return", why, tenant=tenant)
                return
            if _refused(case) and dice.random() < _DISPUTES:
                why = {"reason": "职责清单中不属于本单位"}
                await play.step(self.role, person, case, "dispute", why, tenant=tenant)
                return
            if self._offline is not None and self._offline.without_signal(case, person):
                await self._offline.act(case, person)
                return
            case = await play.step(self.role, person, case, "accept", tenant=tenant)
        case = await self._go(case, person, dice)
        case = await self._asides.meet(case, person)
        if case.stage not in self.stages:  # another town's now
            return
        case = await do_parts(play, case)
        person, photo = play.cast.handler(case), f"photo://{case.case_id}/{case.counters.disposals + 1}.jpg"
        shown = {"note": "已处置", "evidence": [photo]}
        await play.step(self.role, person, case, "dispose", shown, tenant=tenant)

    async def _go(self, case: CaseState, person: Person, dice: Random) -> CaseState:
        """On the way, there, at work; some say when they set off and when they have arrived."""
        play, says, tenant = self._play, dice.random() < _SAYS_WHERE, holder_of(case)
        if says:
            case = await play.step(self.role, person, case, "depart", tenant=tenant)
        await play.pace.minutes(dice.uniform(8, 35))
        if says:
            case = await play.step(self.role, person, case, "arrive", tenant=tenant)
        await play.pace.minutes(dice.lognormvariate(3.2, 0.6))
        return case


def _refused(case: CaseState) -> bool:
    """Whether the dispatcher refused the return and nobody has said anything to that."""
    returned = case.returned
    return returned is not None and returned.refused is not None and returned.disputed is None
