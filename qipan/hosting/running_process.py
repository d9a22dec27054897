"""One process that a host runs: what it is, how it is, and when it may be started again."""

import urllib.request
from dataclasses import dataclass, field
from datetime import UTC, datetime

from qipan.hosting.backoff import Backoff
from qipan.hosting.guarded import Guarded
from qipan.hosting.port import ProcessSpec, State, Status

PROBE_SECONDS = 2.0


@dataclass
class RunningProcess:
    """A spec, and its process while there is one; the host alone changes it."""

    spec: ProcessSpec
    port: int
    process: Guarded | None = None
    since: datetime = field(default_factory=lambda: datetime.now(UTC))
    was_ready: bool = False
    stopping: bool = False
    restarts: int = 0
    exit_code: int | None = None
    backoff: Backoff = field(default_factory=Backoff)
    start_at: float = 0.0

    @property
    def alive(self) -> bool:
        """Whether it runs, ready or not."""
        return self.process is not None and self.process.poll() is None

    @property
    def url(self) -> str:
        """Where it answers HTTP."""
        return f"http://127.0.0.1:{self.port}"

    def status(self) -> Status:
        """How it is now. Asks it, for `PROBE_SECONDS` at most."""
        process = self.process
        return Status(
            id=self.spec.id,
            service=self.spec.service,
            tenant=self.spec.tenant,
            state=self._state(),
            pid=process.pid if process is not None and self.alive else None,
            url=self.url,
            since=self.since,
            restarts=self.restarts,
            exit_code=self.exit_code,
        )

    def _state(self) -> State:
        if self.stopping:
            return State.STOPPING
        if not self.alive:
            return State.RESTARTING
        if self._says_ready():
            self.was_ready = True
            return State.READY
        return State.NOT_READY if self.was_ready else State.STARTING

    def _says_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=PROBE_SECONDS) as answer:
                return bool(answer.status == 200)
        except OSError:  # refused, timed out, or an HTTP error that says not ready
            return False
