"""延期、缓办、挂账: a handler asks for more or other time while there is some; a dispatcher decides."""

from datetime import timedelta
from random import Random
from typing import Any

from exercise.players.play import Play
from qipan.contracts.case import CaseState
from qipan.tenancy import District, Person

_KINDS = ("extension", "deferral", "suspension")
_REFUSES = 0.2
_LONG = 0.2
"""Share of the extensions that go beyond what a town may grant: the district decides."""

_SLACK = timedelta(minutes=45)
"""Nothing is asked for so shortly before the deadline that a slow machine would have it decided too late."""


class TimeAskers:
    """What is suspended goes on after a while, by the dispatcher's word."""

    role = "handler"

    def __init__(self, play: Play, district: District) -> None:
        self._play, self._district = play, district

    async def act(self, case: CaseState, worker: Person) -> CaseState:
        """Asked and decided. What is suspended waits a while; what is deferred is begun before it must be."""
        play, now = self._play, self._play.pace.now()
        if case.due_at is None or now + _SLACK >= case.due_at:
            return case
        dice = play.dice("time", case.case_id)
        kind = dice.choice(_KINDS)
        wanted = {"kind": kind, "reason": "等待配件和天气", **self._how_much(kind, dice)}
        case = await play.step(self.role, worker, case, "time", wanted, told=f"ask {kind}")
        await play.pace.minutes(dice.uniform(2, 8))
        approved = dice.random() >= _REFUSES
        case = await play.step(
            "dispatcher",
            play.cast.one("dispatcher", self._decides(case)),
            case,
            "time/decide",
            {"approved": approved, "note": "" if approved else "请按原时限办理"},
            told=f"{'approve' if approved else 'refuse'} {kind}",
        )
        if not approved:
            return case
        if kind == "suspension":
            await play.pace.minutes(dice.uniform(30, 90))
            dispatcher = play.cast.one("dispatcher", case.tenant)
            case = await play.step("dispatcher", dispatcher, case, "resume", {"reason": "条件已具备"})
        return case

    def _how_much(self, kind: str, dice: Random) -> dict[str, Any]:
        if kind == "extension":
            return {"by": "3 work-days" if dice.random() < _LONG else "4 work-hours"}
        if kind == "deferral":
            return {"until": (self._play.pace.now() + timedelta(hours=dice.uniform(2, 5))).isoformat()}
        return {}

    def _decides(self, case: CaseState) -> str:
        asked = case.clock.asked if case.clock else None
        return self._district.id if asked and asked.level == "district" else case.tenant
