"""Dispatchers 派遣员 find a unit for what has none, and decide about what came back."""

from exercise.players.cast import NobodyThere
from exercise.players.play import Play
from qipan.contracts.case import CaseState, Stage
from qipan.tenancy import District


class Dispatchers:
    """The command centre's desk."""

    role = "dispatcher"
    stages = frozenset({Stage.FILED, Stage.RETURNED})

    def __init__(self, play: Play, district: District) -> None:
        self._play, self._district = play, district

    async def act(self, case: CaseState) -> None:
        """派遣 to another unit that handles the matter than the one that gave it back, if there is one."""
        play = self._play
        dice = play.dice("dispatch", case.report_id, str(case.version))
        await play.pace.minutes(dice.uniform(2, 10))
        body = {"unit": dice.choice(self._units(case))}
        await play.step(self.role, play.cast.one("dispatcher", case.tenant), case, "dispatch", body)

    def _units(self, case: CaseState) -> list[str]:
        matter = self._district.matters_of(case.tenant).get(case.matter)
        units = [unit for unit in self._district.units_of(case.tenant) if unit.handlers]
        able = [unit.id for unit in units if matter and unit.handles(matter)] or [unit.id for unit in units]
        if not able:
            raise NobodyThere(f"no unit with handlers in {case.tenant}")
        return [unit for unit in able if unit != case.unit] or able
