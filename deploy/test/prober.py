"""What a reporter meets who asks after a report four times a second: for how long nobody could answer."""

import threading
import time
import urllib.error
import urllib.request
from types import TracebackType
from typing import Self

EVERY_SECONDS = 0.25
ANSWER_SECONDS = 5.0


class Prober:
    """Asks while the `with` block lasts. `longest()` is the longest gap between two answers since the last call.

    What it asks goes through the gateway and the door to the database. That there is no such report is an answer;
    502 and 503 are none.
    """

    def __init__(self, url: str) -> None:
        self._url = f"{url}/v1/reports/0?token=0"
        self._lock = threading.Lock()
        self._answered = self._since = time.monotonic()
        self._longest = 0.0
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._ask, name="prober", daemon=True)

    def longest(self) -> float:
        """Seconds, one that still lasts included; counting begins anew."""
        with self._lock:
            longest = max(self._longest, time.monotonic() - max(self._answered, self._since))
            self._longest, self._since = 0.0, time.monotonic()
        return longest

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ending.set()
        self._thread.join()

    def _ask(self) -> None:
        while not self._ending.wait(EVERY_SECONDS):
            try:
                with urllib.request.urlopen(self._url, timeout=ANSWER_SECONDS) as answer:
                    answer.read()
            except urllib.error.HTTPError as refusal:
                if refusal.code >= 500:
                    continue
            except OSError:
                continue
            with self._lock:
                now = time.monotonic()
                self._longest = max(self._longest, now - max(self._answered, self._since))
                self._answered = now
