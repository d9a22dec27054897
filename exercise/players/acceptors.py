"""Acceptors 受理员 decide about reports that the rules could not decide about."""

import asyncio
from typing import Any

from exercise.players.client import NoAnswer, Refusal
from exercise.players.play import Play
from exercise.players.verifiers import Verifiers
from qipan.tenancy import Person

_DECLINES = 0.3
_VERIFIES = 0.3
_REASONS = ("内容不清，无法受理", "不属于本平台受理范围", "Too little to go by")


class Acceptors:
    """One town's seats: they read the list of held reports every `every` real seconds."""

    role = "acceptor"

    def __init__(
        self,
        play: Play,
        tenant: str,
        person: Person,
        matters: list[str],
        verifiers: Verifiers,
        *,
        every: float = 2.0,
    ) -> None:
        self._play, self._tenant, self._person = play, tenant, person
        self._matters, self._verifiers, self._every = matters, verifiers, every
        self._in_hand: set[str] = set()

    async def run(self) -> None:
        """Until cancelled."""
        play = self._play
        async with asyncio.TaskGroup() as seats:
            while True:
                try:
                    page = await play.http.get(
                        "/v1/held",
                        token=await play.token(self._person),
                        params={"tenant": self._tenant, "limit": 200},
                    )
                except (Refusal, NoAnswer) as trouble:
                    play.tally.add(
                        self.role, f"{type(trouble).__name__} {getattr(trouble, 'code', '')}".strip()
                    )
                    page = {"reports": []}
                for report in page["reports"]:
                    if report["report_id"] not in self._in_hand:
                        self._in_hand.add(report["report_id"])
                        seats.create_task(self._decide(report))
                await asyncio.sleep(self._every)

    async def _decide(self, report: dict[str, Any]) -> None:
        play = self._play
        dice = play.dice("held", report["report_id"])
        await play.pace.minutes(dice.uniform(3, 15))
        matter = dice.choice(self._matters)
        declines, verifies = dice.random() < _DECLINES, dice.random() < _VERIFIES
        if declines:
            decision = {"outcome": "decline", "reason": dice.choice(_REASONS)}
        else:
            decision = {"outcome": "file", "matter": matter}
        try:
            if verifies and await self._verifiers.look(report, self._person, matter):
                return
            await play.http.post(
                f"/v1/held/{report['report_id']}",
                decision,
                token=await play.token(self._person),
                params={"tenant": self._tenant},
                headers={"Idempotency-Key": f"decide-{report['report_id']}"},
            )
        except Refusal as refusal:
            play.tally.add(self.role, "clash" if refusal.status == 409 else f"refused: {refusal.code}")
        except NoAnswer:
            play.tally.add(self.role, "no answer")
            self._in_hand.discard(report["report_id"])
        else:
            play.tally.add(self.role, decision["outcome"])
