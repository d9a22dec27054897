"""Whoever says that something is wrong: citizens, the hotline's seats, grid workers, devices."""

import asyncio
import json
from collections.abc import Callable, Iterable
from typing import Any

from exercise.day import Flaw, Submission
from exercise.ledger import Ledger
from exercise.players.client import NoAnswer, Refusal
from exercise.players.play import Play
from qipan.tenancy import Person

_AT_ONCE = 16


class Reporters:
    """Sends a plan's submissions at their time and writes every answer into the ledger.

    `sender` says who signs a submission (None: nobody, as a citizen may). `heard` is told each acknowledged
    submission with its answer.
    """

    role = "reporter"

    def __init__(
        self,
        play: Play,
        ledger: Ledger,
        sender: Callable[[Submission], Person | None],
        heard: Callable[[Submission, dict[str, Any]], None],
    ) -> None:
        self._play, self._ledger, self._sender, self._heard = play, ledger, sender, heard
        self._lines = asyncio.Semaphore(_AT_ONCE)
        self._answered: dict[str, asyncio.Event] = {}
        self.sent = 0

    async def run(self, submissions: Iterable[Submission]) -> None:
        """Until every submission has been sent and answered."""
        async with asyncio.TaskGroup() as senders:
            for submission in submissions:
                await self._play.pace.until(submission.at)
                senders.create_task(self._send(submission))

    async def _send(self, submission: Submission) -> None:
        if submission.repeat_of:
            await self._answer_of(submission.repeat_of).wait()
        name = submission.key if submission.flaw or not submission.repeat_of else submission.repeat_of
        try:
            async with self._lines:
                await self._post(name, submission)
        finally:
            self.sent += 1
            self._answer_of(submission.key).set()

    async def _post(self, name: str, submission: Submission) -> None:
        person = self._sender(submission)
        self._ledger.sent(name, town=submission.town, channel=submission.channel)
        try:
            answer = await self._play.http.post(
                "/v1/reports",
                content=body_of(submission),
                headers={
                    "Content-Type": "application/json",
                    "Idempotency-Key": submission.repeat_of or submission.key,
                },
                token=await self._play.token(person) if person else "",
            )
        except Refusal as refusal:
            self._ledger.refused(name, refusal.code)
            self._play.tally.add(self.role, f"refused: {refusal.code}")
        except NoAnswer:
            self._play.tally.add(self.role, "no answer")
        else:
            self._ledger.acknowledged(
                name, answer["report_id"], tenant=answer["tenant"], token=answer["token"]
            )
            self._play.tally.add(self.role, "repeated" if submission.repeat_of else "accepted")
            self._heard(submission, answer)

    def _answer_of(self, key: str) -> asyncio.Event:
        return self._answered.setdefault(key, asyncio.Event())


def body_of(submission: Submission) -> bytes:
    """The submission as JSON, with its flaw."""
    form: dict[str, Any] = {
        "text": submission.text,
        "lon": submission.lon,
        "lat": submission.lat,
        "channel": submission.channel,
    }
    if submission.matter:
        form["matter"] = submission.matter
    if submission.self_disposed:
        form["self_disposed"] = True
    if submission.flaw is Flaw.UNKNOWN_FIELD:
        form["urgency"] = "very"
    if submission.flaw is Flaw.KEY_REUSED:
        form["text"] = "另一件事：" + submission.text
    body = json.dumps(form, ensure_ascii=False).encode()
    return body[:-1] if submission.flaw is Flaw.NOT_JSON else body
