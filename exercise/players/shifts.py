"""上岗、下岗: some handlers sign on in the morning and off in the evening, and are asked nothing more then."""

from datetime import datetime, timedelta

from exercise.players.client import NoAnswer, Refusal
from exercise.players.play import Play
from qipan.tenancy import District, Person

_FROM, _UNTIL = timedelta(hours=8), timedelta(hours=18)
_EACH = 2
"""How many of each town: most work on, so that the evening's cases find somebody."""


class Shifts:
    """Those handlers who have a phone that signs them on."""

    role = "handler"

    def __init__(self, play: Play, district: District) -> None:
        self._play = play
        self._people = [person for town in district.towns for person in _some(district, town.id, play)]

    async def run(self, begins: datetime) -> None:
        """Sign on and off, at fixed hours of the day that `begins` then."""
        for after, step in ((_FROM, "start"), (_UNTIL, "end")):
            await self._play.pace.until(begins + after)
            for person in self._people:
                await self._sign(person, step)

    async def _sign(self, person: Person, step: str) -> None:
        play = self._play
        try:
            await play.do(self.role, person, f"{step} shift", f"/v1/shifts/{step}", tenant=person.tenant)
        except (Refusal, NoAnswer) as trouble:
            play.tally.add(self.role, f"{type(trouble).__name__} {getattr(trouble, 'code', '')}".strip())


def _some(district: District, town: str, play: Play) -> list[Person]:
    """Whoever has a roster is planned around the clock, and is left alone: nobody else could take the night."""
    rostered = district.rosters(town)
    handlers = [
        person
        for person in district.people_of(town)
        if "handler" in person.roles and person.id not in rostered
    ]
    return play.dice("shifts", town).sample(handlers, min(len(handlers), _EACH))
