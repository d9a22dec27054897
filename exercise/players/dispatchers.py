"""Dispatchers 派遣员 find a unit for what has none and decide about what came back; the arbiter, about disputes."""

from exercise.players.cast import NobodyThere
from exercise.players.play import Play
from qipan.contracts.case import CaseState, Stage
from qipan.tenancy import District, Person

_REFUSES = 0.4
_ALLOWS = 0.5
_ARBITRATION = "arbitration"


class Dispatchers:
    """The command centre's desk."""

    role = "dispatcher"
    stages = frozenset({Stage.FILED, Stage.RETURNED})

    def __init__(self, play: Play, district: District) -> None:
        self._play, self._district = play, district

    async def act(self, case: CaseState) -> None:
        """派遣 to another unit that handles the matter than the one that gave it back, if there is one.

        Some returns are refused (退件不准); of what the unit disputes, the arbiter lets about half stand.
        """
        play = self._play
        dice = play.dice("dispatch", case.report_id, str(case.version))
        await play.pace.minutes(dice.uniform(2, 10))
        if case.own_stage == _ARBITRATION:
            decision = {
                "justified": dice.random() < _ALLOWS,
                "reason": "按职责清单裁决",
                "authority": "区级职责清单",
            }
            await play.step("arbiter", self._arbiter(), case, "arbitrate", decision)
            return
        returned = case.returned
        fresh = returned is not None and returned.refused is None and returned.allowed is None
        if case.stage is Stage.RETURNED and fresh and dice.random() < _REFUSES:
            person = play.cast.one("dispatcher", case.tenant)
            await play.step(self.role, person, case, "refuse-return", {"reason": "属于该单位职责"})
            return
        body = {"unit": dice.choice(self._units(case))}
        await play.step(self.role, play.cast.one("dispatcher", case.tenant), case, "dispatch", body)

    def _arbiter(self) -> Person:
        """Whoever decides for the district."""
        return self._play.cast.one("dispatcher", self._district.id)

    def _units(self, case: CaseState) -> list[str]:
        matter = self._district.matters_of(case.tenant).get(case.matter)
        units = [unit for unit in self._district.units_of(case.tenant) if unit.handlers]
        able = [unit.id for unit in units if matter and unit.handles(matter)] or [unit.id for unit in units]
        if not able:
            raise NobodyThere(f"no unit with handlers in {case.tenant}")
        return [unit for unit in able if unit != case.unit] or able
