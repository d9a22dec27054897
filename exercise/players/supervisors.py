"""Supervisors 督查员 ask after what is late (催办); some of it they watch (督办) until they are answered."""

import asyncio

from exercise.players.client import NoAnswer, Refusal
from exercise.players.play import Play
from qipan.contracts.case import CaseState
from qipan.tenancy import Person

_MOST_AT_ONCE = 5
_SUPERVISES = 0.3
_AT_WORK = ["offered", "accepted", "rework", "disposed"]


class Supervisors:
    """One town's: they look at what is overdue of its own every `every` real seconds; what was taken over is watched
    where it arose."""

    role = "supervisor"

    def __init__(self, play: Play, tenant: str, person: Person, *, every: float = 8.0) -> None:
        self._play, self._tenant, self._person, self._every = play, tenant, person, every
        self._asked: set[str] = set()

    async def run(self) -> None:
        """Until cancelled."""
        play = self._play
        while True:
            await asyncio.sleep(self._every)
            try:
                page = await play.http.get(
                    "/v1/work",
                    token=await play.token(self._person),
                    params={"tenant": self._tenant, "stages": _AT_WORK, "limit": 200},
                )
                cases = [CaseState.model_validate(each) for each in page["cases"]]
                late = [case for case in cases if case.counters.overdue and case.tenant == self._tenant]
                for case in late[:_MOST_AT_ONCE]:
                    await self._ask(case)
            except Refusal as refusal:
                play.tally.add(self.role, "clash" if refusal.status == 409 else f"refused: {refusal.code}")
            except NoAnswer:
                play.tally.add(self.role, "no answer")

    async def _ask(self, case: CaseState) -> None:
        """催办, or 督办 for some; the dispatcher answers for the town. Nothing is asked after twice."""
        play = self._play
        if case.case_id in self._asked:
            return
        self._asked.add(case.case_id)
        if play.dice("supervise", case.report_id).random() >= _SUPERVISES:
            await play.step(self.role, self._person, case, "expedite")
        else:
            case = await play.step(self.role, self._person, case, "supervise", {"reason": "已超时，请说明"})
            dispatcher = play.cast.one("dispatcher", self._tenant)
            answer = {"answer": "已督促责任单位，今日完成"}
            await play.step("dispatcher", dispatcher, case, "answer-supervision", answer)
