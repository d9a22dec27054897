"""平战模式: while the river is high, the town's lead has the town work in emergency mode, and then as usual again."""

from datetime import datetime, timedelta

from exercise.players.client import NoAnswer, Refusal
from exercise.players.play import Play

_FROM, _UNTIL = timedelta(hours=15), timedelta(hours=18)


class Modes:
    """One town's lead."""

    role = "town-lead"

    def __init__(self, play: Play, town: str) -> None:
        self._play, self._town = play, town

    async def run(self, begins: datetime) -> None:
        """Switch there and back, at fixed hours of the day that `begins` then."""
        play, lead = self._play, self._play.cast.one(self.role, self._town)
        for after, order in (
            (_FROM, {"mode": "emergency", "level": 3, "reason": "河道水位超警戒"}),
            (_UNTIL, {"mode": "peacetime", "reason": "水位回落"}),
        ):
            await play.pace.until(begins + after)
            try:
                await play.do(self.role, lead, str(order["mode"]), "/v1/mode", order, tenant=self._town)
            except (Refusal, NoAnswer) as trouble:
                play.tally.add(self.role, f"{type(trouble).__name__} {getattr(trouble, 'code', '')}".strip())
