"""移交: “not ours” says whose: another unit of the town, or another town, which takes the case over or does not."""

from exercise.players.play import Play
from exercise.players.squads import others
from qipan.contracts.case import CaseState
from qipan.tenancy import District, Person

_REFUSES = 0.35
_HOLDS = 0.5
"""Of what another town refused, the share that the district gives to that town all the same."""


class UnitHandovers:
    """Whoever has the case says that it is another unit's, one of whose workers takes it over."""

    role = "handler"

    def __init__(self, play: Play, district: District) -> None:
        self._play, self._district = play, district

    async def act(self, case: CaseState, worker: Person) -> CaseState:
        """Asked and taken over: the case is in another's hands."""
        play = self._play
        dice = play.dice("hand-over", case.case_id)
        unit = dice.choice(others(self._district, case)).id
        asked = {"to": unit, "reason": "属于该单位职责"}
        case = await play.step(self.role, worker, case, "hand-over", asked, told="hand-over to a unit")
        await play.pace.minutes(dice.uniform(3, 10))
        return await play.step(self.role, play.cast.member(unit), case, "accept-handover")


class TownHandovers:
    """A dispatcher says that the case is another town's. What that town refuses, the district's arbiter decides."""

    role = "dispatcher"

    def __init__(self, play: Play, district: District) -> None:
        self._play, self._district = play, district

    async def act(self, case: CaseState, worker: Person) -> CaseState:
        """Asked and answered: the case is on a dispatcher's list again, the other town's or its own."""
        play = self._play
        dice = play.dice("hand-over", case.case_id)
        town = dice.choice([town.id for town in self._district.towns if town.id != case.tenant])
        ours, theirs = play.cast.one(self.role, case.tenant), play.cast.one(self.role, town)
        asked = {"to": town, "reason": "现场在该镇街界内"}
        case = await play.step(self.role, ours, case, "hand-over", asked, told="hand-over to a town")
        await play.pace.minutes(dice.uniform(5, 20))
        if dice.random() >= _REFUSES:
            return await play.step(self.role, theirs, case, "accept-handover", tenant=town)
        why = {"reason": "不在本镇街界内"}
        case = await play.step(self.role, theirs, case, "refuse-handover", why, tenant=town)
        arbiter = play.cast.one(self.role, self._district.id)
        decision = {
            "to": town if dice.random() < _HOLDS else case.tenant,
            "reason": "按网格界线裁定",
            "authority": "区级职责清单",
        }
        return await play.step("arbiter", arbiter, case, "decide-handover", decision)
