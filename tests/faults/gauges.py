"""Gauges of Sandun that stand too high: the town's flood watch makes one report of each."""

import asyncio
import itertools

from exercise.players.client import NoAnswer, Refusal
from exercise.players.play import Play
from qipan.access import Role
from qipan.hosting.running import RunningDistrict

TENANT = "sandun"
EVERY_SECONDS = 5.0
LEVEL = 3.6
"""Metres: above what the town's pack takes for a warning."""


class Gauges:
    """A new gauge every few seconds, so that each is one report however often its reading is delivered."""

    def __init__(self, play: Play, running: RunningDistrict, flooded: list[str]) -> None:
        self._play, self._running, self._flooded = play, running, flooded
        cells = running.district.territory.cells("duty")
        self._places = [cell.shape.representative_point() for cell in cells if cell.town == TENANT]

    async def run(self) -> None:
        """Until cancelled. `flooded` names the gauges whose reading was acknowledged."""
        for number in itertools.count(1):
            await asyncio.sleep(EVERY_SECONDS)
            await self._send(f"faults-gauge-{number:05d}", number)

    async def _send(self, device: str, number: int) -> None:
        place = self._places[number % len(self._places)]
        reading = {
            "reading_id": device,
            "device": device,
            "quantity": "water-level",
            "value": LEVEL,
            "unit": "m",
            "lon": round(place.x, 6),
            "lat": round(place.y, 6),
        }
        token = self._running.credentials.token(device, TENANT, Role.MACHINE)
        while True:
            try:
                await self._play.http.post("/v1/readings", [reading], token=token)
            except NoAnswer:
                self._play.tally.add("gauge", "no answer")
            except Refusal as refusal:
                self._play.tally.add("gauge", f"refused: {refusal.code}")
                if refusal.status < 500:
                    raise
                await asyncio.sleep(1.0)
            else:
                self._flooded.append(device)
                return
