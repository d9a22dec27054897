"""Raters: citizens who come back with their tracking link, see how it ended, and say how it was (好差评)."""

import asyncio
from typing import Any

from exercise.day import Submission
from exercise.players.client import NoAnswer, Refusal
from exercise.players.play import Play

_SHARE = 0.25
_LOOKS = 3
_REOPENS = 0.08
_STARS = (5, 5, 5, 5, 4, 4, 4, 3, 2, 1)


class Raters:
    """Some citizens look after a few hours (domain time), up to three times, and rate what was closed.

    A few have it reopened (重开) first, once, and look again later.
    """

    role = "rater"

    def __init__(self, play: Play) -> None:
        self._play = play
        self._coming: asyncio.Queue[tuple[Submission, dict[str, Any]]] = asyncio.Queue()

    def heard(self, submission: Submission, answer: dict[str, Any]) -> None:
        """A citizen has a tracking link; perhaps they will come back with it."""
        if submission.channel != "citizen-app" or submission.repeat_of:
            return
        if self._play.dice("rater", submission.key).random() < _SHARE:
            self._coming.put_nowait((submission, answer))

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as citizens:
            while True:
                submission, answer = await self._coming.get()
                citizens.create_task(self._follow(submission, answer))

    async def _follow(self, submission: Submission, answer: dict[str, Any]) -> None:
        play = self._play
        dice = play.dice("rating", submission.key)
        path, params = f"/v1/reports/{answer['report_id']}", {"token": answer["token"]}
        content = dice.random() >= _REOPENS
        for _ in range(_LOOKS):
            await play.pace.minutes(dice.uniform(150, 300))
            try:
                status = (await play.http.get(path, params=params))["status"]
                play.tally.add(self.role, "looked")
                if status == "closed" and not content:
                    content = True
                    await play.http.post(f"{path}/reopen", {"reason": "问题又出现了"}, params=params)
                    play.tally.add(self.role, "reopened")
                elif status == "closed":
                    rating = {"rating": dice.choice(_STARS)}
                    await play.http.post(f"{path}/rating", rating, params=params)
                    play.tally.add(self.role, "rated")
                    return
            except Refusal as refusal:
                play.tally.add(self.role, f"refused: {refusal.code}")
                return
            except NoAnswer:
                play.tally.add(self.role, "no answer")
