"""离线: a worker without signal does the work, and brings in afterwards what was done meanwhile."""

from typing import Any

from exercise.players.play import Play
from qipan.contracts.case import CaseState
from qipan.tenancy import Person

_SHARE = 0.012


class Offline:
    """Handlers whose phone had no signal when they took a task and disposed of it."""

    role = "offline"

    def __init__(self, play: Play) -> None:
        self._play = play

    def without_signal(self, case: CaseState, worker: Person) -> bool:
        """Whether this worker, who has just been asked, will be where there is no signal."""
        first = case.counters.offers == 1 and case.worker == worker.id
        return first and self._play.dice("offline", case.case_id).random() < _SHARE

    async def act(self, case: CaseState, worker: Person) -> None:
        """The work, then one batch with all of it. What does not fit any more a shift leader discards."""
        play = self._play
        began = play.pace.now()
        await play.pace.minutes(play.dice("without-signal", case.case_id).uniform(30, 90))
        evidence = [f"photo://{case.case_id}/offline.jpg"]
        commands: list[dict[str, Any]] = [
            {"does": "accept", "at": began},
            {"does": "dispose", "at": play.pace.now(), "body": {"note": "已处置", "evidence": evidence}},
        ]
        batch = {
            "client": f"phone-{case.case_id}",
            "sent_at": play.pace.now().isoformat(),
            "commands": [
                {
                    **command,
                    "sequence": number,
                    "at": command["at"].isoformat(),
                    "case_id": case.case_id,
                    "expected_version": case.version,
                }
                for number, command in enumerate(commands, 1)
            ],
        }
        told = await play.do(self.role, worker, "batch", "/v1/offline", batch, tenant=worker.tenant)
        for answer in told["answers"]:
            play.tally.add(self.role, answer["outcome"])
            if answer.get("case"):
                after = CaseState.model_validate(answer["case"])
                play.newest[case.case_id] = max(after.version, play.newest.get(case.case_id, 0))
        if any(answer["outcome"] == "conflict" for answer in told["answers"]):
            await self._discard(case)

    async def _discard(self, case: CaseState) -> None:
        play, leader = self._play, self._play.cast.one("shift-leader", case.tenant)
        page = await play.http.get(
            "/v1/conflicts", token=await play.token(leader), params={"tenant": case.tenant, "limit": 500}
        )
        for conflict in page["conflicts"]:
            if conflict["case_id"] == case.case_id:
                address = f"/v1/conflicts/{conflict['conflict_id']}"
                word = {"decision": "discard", "note": "案卷已由他人处理"}
                await play.do("shift-leader", leader, "discard", address, word, tenant=case.tenant)
