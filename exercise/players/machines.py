"""Machines: a gauge that sends its readings with a token of its own."""

from collections.abc import Iterable

from exercise.day import Reading
from exercise.players.client import NoAnswer, Refusal
from exercise.players.play import Play


class Gauges:
    """Sends each reading at its time."""

    role = "gauge"

    def __init__(self, play: Play, token: str) -> None:
        self._play, self._token = play, token

    async def run(self, readings: Iterable[Reading]) -> None:
        """Until the last reading has been sent."""
        play = self._play
        for reading in readings:
            await play.pace.until(reading.at)
            body = {
                "reading_id": reading.key,
                "device": reading.gauge.device,
                "quantity": reading.gauge.quantity,
                "value": reading.value,
                "unit": reading.gauge.unit,
                "lon": reading.lon,
                "lat": reading.lat,
            }
            try:
                await play.http.post("/v1/readings", [body], token=self._token)
            except (Refusal, NoAnswer) as trouble:
                play.tally.add(self.role, f"{type(trouble).__name__} {getattr(trouble, 'code', '')}".strip())
            else:
                play.tally.add(self.role, "sent")
