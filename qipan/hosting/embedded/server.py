"""What the private servers have in common: one guarded process in a directory of its own, killed and restarted."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar, Self

from qipan.hosting.embedded.home import Home
from qipan.hosting.guard import delete
from qipan.hosting.guarded import Guarded, StartError


class EmbeddedServer(ABC):
    """A server of this machine alone, run while the `with` block lasts.

    With `ephemeral` it is killed rather than stopped at the end, and its directories are deleted, also when this
    process dies.
    """

    called: ClassVar[str]
    """How people call it."""

    def __init__(self, base: Path | str, folder: str, *, ephemeral: bool) -> None:
        self.base = Path(base).absolute()
        self._home = Home(self.base, folder)
        self._ephemeral = ephemeral
        self._server: Guarded | None = None

    @abstractmethod
    def start(self, timeout: float = 60.0) -> Self:
        """Start it and wait until it serves. Raises StartError with the end of its log."""

    @property
    def pid(self) -> int:
        """Process id of the server's first process."""
        return self._running().pid

    def kill(self) -> None:
        """SIGKILL all of it as a power cut would; `restart` brings it back with its data."""
        self._running().kill()

    def restart(self, timeout: float = 60.0) -> None:
        """Start again on the same ports and data, stopping it first if it still runs."""
        if self._running().poll() is None:
            self._running().stop()
        self.start(timeout)

    def signal(self, name: str) -> None:
        """Send its first process a signal by its name without SIG: "STOP" and "CONT" for one that hangs."""
        self._running().signal(name)

    def stop(self) -> None:
        """Stop it in order and release its directory."""
        if self._server is not None and self._server.poll() is None:
            if self._ephemeral:
                self._server.kill()
            else:
                self._server.stop()
        self._home.release()
        if self._ephemeral:
            delete(self._directories())

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.stop()
            raise

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _directories(self) -> list[Path]:
        return [self._home.path]

    def _running(self) -> Guarded:
        if self._server is None:
            raise RuntimeError(f"{self.called} has not been started")
        return self._server

    def _await(self, serves: Callable[[], bool], timeout: float) -> None:
        """Wait until it serves; whatever is raised meanwhile, it does not survive."""
        give_up = time.monotonic() + timeout
        server = self._running()
        try:
            while not serves():
                if server.poll() is not None:
                    raise StartError(f"{self.called} ended while starting; its log says:\n{server.tail()}")
                if time.monotonic() > give_up:
                    raise StartError(
                        f"{self.called} was not ready within {timeout:g} s; its log says:\n{server.tail()}"
                    )
                time.sleep(0.05)
        except BaseException:
            server.kill()
            raise
