"""Callers of one town's dispatch: some read, some command, each one call at a time and every call noted."""

import random
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from qipan.contracts.case import Stage
from qipan.contracts.errors import Conflict
from qipan.contracts.queries import ListWork
from qipan.contracts.supervision import RemarkCase
from qipan.ids import new_id
from qipan.messaging.client import Client

TENANT = "sandun"
TIMEOUT = 5.0
READERS, COMMANDERS = 2, 2
CALLERS = READERS + COMMANDERS
REPEATS = 20
OPEN = (Stage.OFFERED, Stage.ACCEPTED, Stage.DISPOSED)


@dataclass(slots=True)
class Call:
    """One call: when it was sent and when it ended (monotonic seconds), what was going on, why it failed."""

    sent: float
    phase: str
    ended: float | None = None
    why: str = ""

    def open_between(self, begin: float, end: float) -> bool:
        """Whether it was on its way at any moment between these two."""
        return self.sent <= end and (self.ended is None or self.ended >= begin)


@dataclass
class Callers:
    """What they saw. `commands`: each command's id and what the answer said its case's version was after it."""

    client: Client
    reader: str
    commander: str
    phase: str = ""
    calls: list[Call] = field(default_factory=list)
    commands: dict[str, tuple[str, int]] = field(default_factory=dict)
    never_answered: list[str] = field(default_factory=list)
    clashes: int = 0
    died: list[str] = field(default_factory=list)
    _ending: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def start(self) -> None:
        """Begin to call."""
        work = [self._read] * READERS + [self._command] * COMMANDERS
        self._threads = [
            threading.Thread(target=self._keep_on, args=(turn, number), daemon=True)
            for number, turn in enumerate(work)
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End what is under way, and call no more."""
        self._ending.set()
        for thread in self._threads:
            thread.join()

    @property
    def failures(self) -> Sequence[Call]:
        """The calls that brought no answer."""
        return [call for call in self.calls if call.why]

    def slowest(self) -> dict[str, float]:
        """Phase → the longest that an answer took, in seconds."""
        found: dict[str, float] = {}
        for call in self.calls:
            if call.ended is not None and not call.why:
                found[call.phase] = max(found.get(call.phase, 0.0), call.ended - call.sent)
        return {phase: round(seconds, 2) for phase, seconds in sorted(found.items())}

    def _keep_on(self, turn: Any, number: int) -> None:
        chance = random.Random(number)
        try:
            while not self._ending.is_set():
                turn(chance)
                time.sleep(0.01)
        except BaseException as error:
            self.died.append(f"{type(error).__name__}: {error}")

    def _read(self, chance: random.Random) -> None:
        self._call(ListWork(stages=OPEN, limit=5), self.reader, new_id())

    def _command(self, chance: random.Random) -> None:
        """Remark on one of the town's cases; what is not answered is sent again under the same id."""
        page = self._call(ListWork(stages=OPEN, limit=50), self.commander, new_id())
        if page is None or not page.cases:
            return
        id = new_id()
        command = RemarkCase(case_id=chance.choice(page.cases).case_id, remark=id)
        for _ in range(REPEATS):
            answer = self._call(command, self.commander, id)
            if answer is not None:
                self.commands[id] = answer.case.case_id, answer.case.version
                return
            time.sleep(0.2)
        self.never_answered.append(id)

    def _call(self, request: Any, principal: str, id: str) -> Any:
        """One call; None when it failed, in whatever way."""
        call = Call(time.monotonic(), self.phase)
        self.calls.append(call)
        try:
            return self.client.call(request, tenant=TENANT, principal=principal, timeout=TIMEOUT, id=id)
        except Conflict:  # an answer: somebody else changed the same case just then
            self.clashes += 1
            return None
        except Exception as error:
            call.why = f"{type(error).__name__}: {error}"
            return None
        finally:
            call.ended = time.monotonic()
