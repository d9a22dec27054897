"""The wall: one tenant's cases as its control room shows them, at which everybody who works there looks."""

import asyncio
from collections.abc import Sequence
from typing import Protocol

from exercise.players.cast import NobodyThere
from exercise.players.client import NoAnswer, Refusal
from exercise.players.play import Play
from qipan.contracts.case import OPEN_STAGES, CaseState, Stage
from qipan.tenancy import Person

_PAGE = 500
_READ_EVERY = 6.0
_JOIN_AGAIN = 1.0
_STREAMED = "case."


class Player(Protocol):
    """A role that acts on cases at certain stages."""

    @property
    def role(self) -> str: ...

    @property
    def stages(self) -> frozenset[Stage]: ...

    async def act(self, case: CaseState) -> None:
        """Do what the role does with a case at this stage, waiting as long as that takes."""


class Wall:
    """Follows a tenant's live stream, reads its list now and then, and lets the players act on what is new.

    The stream tells at once and may lose something; the list (every 6 real seconds) has every open case. A case is
    in one player's hands at a time; what is heard of it meanwhile is looked at when they are done. A step refused
    because the case had moved on is an ordinary clash; any other refusal is counted, and the case is left until
    it changes.
    """

    def __init__(self, play: Play, tenant: str, viewer: Person, players: Sequence[Player]) -> None:
        self._play, self._tenant, self._viewer = play, tenant, viewer
        self._players = {stage: player for player in players for stage in player.stages}
        self._in_hand: set[str] = set()
        self._heard: dict[str, CaseState] = {}
        self._open: set[str] = set()
        self._hands = asyncio.TaskGroup()

    @property
    def open(self) -> int:
        """How many cases are known to be open."""
        return len(self._open)

    async def run(self) -> None:
        """Until cancelled."""
        async with self._hands:
            self._hands.create_task(self._listen())
            while True:
                try:
                    await self._read()
                except (NoAnswer, Refusal) as trouble:
                    self._count("list", trouble)
                await asyncio.sleep(_READ_EVERY)

    async def _listen(self) -> None:
        play = self._play
        while True:
            try:
                token = await play.token(self._viewer)
                stream = play.http.events("/v1/stream", token=token, params={"tenant": self._tenant})
                async for event, data in stream:
                    if event.startswith(_STREAMED):
                        self._see(CaseState.model_validate_json(data))
            except (NoAnswer, Refusal) as trouble:
                self._count("stream", trouble)
            await asyncio.sleep(_JOIN_AGAIN)

    async def _read(self) -> None:
        token = await self._play.token(self._viewer)
        listed: set[str] = set()
        after = None
        before = set(self._open)
        while True:
            stages = [str(stage) for stage in self._players if stage in OPEN_STAGES]
            params: dict[str, str | int | list[str]] = {
                "tenant": self._tenant,
                "stages": stages,
                "limit": _PAGE,
            }
            if after:
                params["after"] = after
            page = await self._play.http.get("/v1/work", token=token, params=params)
            for each in page["cases"]:
                case = CaseState.model_validate(each)
                listed.add(case.case_id)
                self._see(case)
            after = page.get("next")
            if not after:
                break
        self._open -= before - listed

    def _see(self, case: CaseState) -> None:
        if case.tenant != self._tenant or self._play.moved_on(case):
            return
        self._play.newest[case.case_id] = case.version
        if case.stage in OPEN_STAGES:
            self._open.add(case.case_id)
        else:
            self._open.discard(case.case_id)
        player = self._players.get(case.stage)
        if case.case_id in self._in_hand:
            self._heard[case.case_id] = case
        elif player is not None:
            self._in_hand.add(case.case_id)
            self._hands.create_task(self._act(player, case))

    async def _act(self, player: Player, case: CaseState) -> None:
        play = self._play
        try:
            await player.act(case)
        except NobodyThere as nobody:
            play.tally.add(player.role, str(nobody))
            play.newest[case.case_id] = case.version + 1
        except Refusal as refusal:
            play.tally.add(player.role, "clash" if refusal.status == 409 else f"refused: {refusal.code}")
            play.newest[case.case_id] = case.version + 1
        except NoAnswer:
            play.tally.add(player.role, "no answer")
        finally:
            self._in_hand.discard(case.case_id)
        heard = self._heard.pop(case.case_id, None)
        if heard is not None:
            self._see(heard)

    def _count(self, where: str, trouble: NoAnswer | Refusal) -> None:
        self._play.tally.add("wall", f"{where}: {getattr(trouble, 'code', 'no answer')}")
