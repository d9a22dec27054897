"""吹哨报到: a town's dispatcher summons departments to a place; each one's people say that they are there."""

from exercise.players.play import Play
from exercise.players.squads import at_work
from qipan.contracts.case import CaseState
from qipan.tenancy import District, Person

_MOST = 3
_SAYS_SO = 0.3


class Whistles:
    """Two or three departments hear it; some say first that they are on the way."""

    role = "summoned"

    def __init__(self, play: Play, district: District) -> None:
        self._play, self._district = play, district

    async def act(self, case: CaseState, worker: Person) -> CaseState:
        """Blown, answered by each, ended."""
        play = self._play
        dice = play.dice("whistle", case.case_id)
        units = {unit.department: unit.id for unit in at_work(self._district, case.tenant)}
        called = dice.sample(sorted(units), min(len(units), dice.randint(2, _MOST)))
        dispatcher = play.cast.one("dispatcher", case.tenant)
        order = {"departments": called, "reason": "请到现场会商处置"}
        whistle = await play.say("dispatcher", dispatcher, case, "whistle", order)
        address = f"/v1/whistles/{whistle['whistle_id']}"
        for department in called:
            person = play.cast.member(units[department])
            answer = {"department": department}
            if dice.random() < _SAYS_SO:
                coming = {**answer, "arrived": False, "note": "已出发"}
                await play.do(
                    self.role, person, "on-the-way", f"{address}/answer", coming, tenant=case.tenant
                )
            await play.pace.minutes(dice.uniform(4, 14))
            await play.do(self.role, person, "arrived", f"{address}/answer", answer, tenant=case.tenant)
        end = {"outcome": "各部门已到场，处置完毕"}
        await play.do("dispatcher", dispatcher, "end-whistle", f"{address}/end", end, tenant=case.tenant)
        return case
