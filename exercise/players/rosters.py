"""排班: in the morning a shift leader plans workers' day after next otherwise, where the town has rosters."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from exercise.players.cast import NobodyThere
from exercise.players.client import NoAnswer, Refusal
from exercise.players.play import Play
from qipan.tenancy import District

_AT = timedelta(hours=9)
_AHEAD = timedelta(days=2)
_HOURS = ["09:00-17:00"]


class Rosters:
    """The shift leaders of the towns that plan shifts. A later day is changed, not the one that is played."""

    role = "shift-leader"

    def __init__(self, play: Play, district: District) -> None:
        self._play, self._zone = play, ZoneInfo(district.zone)
        self._workers = [(town.id, id) for town in district.towns for id in sorted(district.rosters(town.id))]

    async def run(self, begins: datetime) -> None:
        """Every worker of these towns who has a roster."""
        await self._play.pace.until(begins + _AT)
        for town, worker in self._workers:
            await self._plan(town, worker)

    async def _plan(self, town: str, worker: str) -> None:
        play = self._play
        day = play.pace.now().astimezone(self._zone).date() + _AHEAD
        body = {"worker": worker, "day": day.isoformat(), "hours": _HOURS, "reason": "替班"}
        try:
            leader = play.cast.one(self.role, town)
            await play.do(self.role, leader, "plan a day", "/v1/roster", body, tenant=town)
        except NobodyThere as nobody:
            play.tally.add(self.role, str(nobody))
        except (Refusal, NoAnswer) as trouble:
            play.tally.add(self.role, f"{type(trouble).__name__} {getattr(trouble, 'code', '')}".strip())
