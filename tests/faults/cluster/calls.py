"""Calls at a steady rate, whatever becomes of those before, and a server that answers them."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from pydantic import BaseModel

from qipan.contracts.commands import Arrive, Lease
from qipan.contracts.envelope import Envelope
from qipan.contracts.errors import DeadlineExceeded, Unavailable
from qipan.messaging.call_server import CallServer
from qipan.messaging.client import Client
from tests.faults.cluster.gaps import Gaps

EVERY_SECONDS = 0.05
TIMEOUT_SECONDS = 5.0
OUTCOMES = ("answered", "unavailable", "lost_in_hand", "late", "wrong")
_ANSWER = Lease(call_queue="q", reply_queue="r", seconds=10)
_QUESTION = Arrive(serves="dispatch", instance="one")


class Calls:
    """Twenty a second. `counted`: answered; unavailable (refused at once, and said so); lost in hand; late; wrong."""

    def __init__(self, url: str, user: str, gaps: Gaps) -> None:
        self.counted: Counter[str] = Counter()
        self._gaps = gaps
        self._client = Client(url, "caller")
        self._server = CallServer(
            url, Arrive.service, models={Arrive.type: Arrive}, serve=_serve, core_user=user
        )
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._call, name="calls", daemon=True)

    def figures(self) -> dict[str, int]:
        """`without_answer` are those that were sent and never answered."""
        found = {f"calls_{name}": self.counted[name] for name in OUTCOMES}
        return found | {"calls_without_answer": self.counted["lost_in_hand"] + self.counted["late"]}

    def start(self) -> None:
        """Serve, and begin to call."""
        self._server.start()
        self._client.start()
        self._thread.start()

    def stop(self) -> None:
        """Call no more, wait for what was asked, and close."""
        self._stopping.set()
        self._thread.join()
        time.sleep(TIMEOUT_SECONDS)
        self._client.stop()
        self._server.stop()

    def _call(self) -> None:
        while not self._stopping.wait(EVERY_SECONDS):
            self._client.submit(_QUESTION, tenant="sandun", timeout=TIMEOUT_SECONDS).add_done_callback(
                self._count
            )

    def _count(self, future: "Future[Any]") -> None:
        match future.exception():
            case None if future.result() == _ANSWER:
                self.counted["answered"] += 1
                self._gaps.mark(time.monotonic())
            case DeadlineExceeded():
                self.counted["late"] += 1
            case Unavailable() as error if "on its way" in str(error):
                self.counted["lost_in_hand"] += 1
            case Unavailable():
                self.counted["unavailable"] += 1
            case _:
                self.counted["wrong"] += 1


def _serve(envelope: Envelope[Any], answered: Callable[[BaseModel | BaseException], None]) -> None:
    answered(_ANSWER)
