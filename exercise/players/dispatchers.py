"""Dispatchers 派遣员 find a unit for what has none and decide about what came back; the arbiter, about disputes."""

from exercise.players.cast import NobodyThere
from exercise.players.play import Play
from exercise.players.squads import holder_of, others
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

        Some returns are refused (退件不准); of what the unit disputes, the arbiter lets about half stand. Where a
        department was asked (商请), its own dispatcher, or the district's for it, assigns one of its units.
        """
        play, tenant = self._play, holder_of(case)
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
            person, why = play.cast.one("dispatcher", tenant), {"reason": "属于该单位职责"}
            await play.step(self.role, person, case, "refuse-return", why, tenant=tenant)
            return
        if case.stage is Stage.FILED and case.department and case.unit is None:
            await self._assign(case, case.department)
            return
        body = {"unit": dice.choice(others(self._district, case)).id}
        await play.step(self.role, play.cast.one("dispatcher", tenant), case, "dispatch", body, tenant=tenant)

    async def _assign(self, case: CaseState, department: str) -> None:
        """The department that was asked sends a unit of its own."""
        play, desk = self._play, self._district.desk_of(department)
        units = self._district.units_of(holder_of(case))
        own = [unit.id for unit in units if unit.handlers and unit.department == department]
        if not own:
            raise NobodyThere(f"no unit of {department} in {holder_of(case)}")
        body = {"unit": play.dice("assign", case.case_id).choice(own)}
        await play.step("department", play.cast.one("dispatcher", desk), case, "dispatch", body, tenant=desk)

    def _arbiter(self) -> Person:
        """Whoever decides for the district."""
        return self._play.cast.one("dispatcher", self._district.id)
