"""Field command: instructions 指令 and their acknowledgement 回执, calls for back-up 增援 and their answer."""

from exercise.players.play import Play
from qipan.contracts.case import CaseState
from qipan.tenancy import Person


class Instructions:
    """The dispatcher tells whoever has the case what to do, and hears that it was understood."""

    role = "handler"

    def __init__(self, play: Play) -> None:
        self._play = play

    async def act(self, case: CaseState, worker: Person) -> CaseState:
        """Given and acknowledged."""
        play = self._play
        dispatcher = play.cast.one("dispatcher", case.tenant)
        order = {"text": "先设置警示，再行处置", "worker": worker.id}
        entry = await play.say("dispatcher", dispatcher, case, "instruct", order)
        await play.pace.minutes(play.dice("instructed", case.case_id).uniform(1, 5))
        understood = {"entry_id": entry["entry_id"], "text": "收到"}
        await play.say(self.role, worker, case, "acknowledge", understood)
        return case


class Backup:
    """The handler needs more hands; the dispatcher says what comes of it."""

    role = "handler"

    def __init__(self, play: Play) -> None:
        self._play = play

    async def act(self, case: CaseState, worker: Person) -> CaseState:
        """Called for and answered."""
        play = self._play
        dice = play.dice("backup", case.case_id)
        call = {"text": "现场人手不足", "workers": dice.randint(1, 3)}
        entry = await play.say(self.role, worker, case, "backup", call)
        await play.pace.minutes(dice.uniform(2, 8))
        reply = {"entry_id": entry["entry_id"], "text": "增援已在路上"}
        dispatcher = play.cast.one("dispatcher", case.tenant)
        await play.say("dispatcher", dispatcher, case, "backup/answer", reply, told="answer-backup")
        await play.pace.minutes(dice.uniform(5, 15))
        return case
