"""The directory of one embedded server: locked while it runs, remembering its ports and password."""

import fcntl
import json
import os
import random
import secrets
import socket
import time
from pathlib import Path

PATIENCE = 10.0
"""Seconds to wait for a directory: a server whose parent has just died needs some to stop."""


class InUse(RuntimeError):
    """Another process uses this directory."""


class Home:
    """`<base>/<name>`, held by a lock that lives as long as the server's guard does."""

    def __init__(self, base: Path, name: str) -> None:
        self.path = base.absolute() / name
        self.path.mkdir(parents=True, exist_ok=True)
        self._file = self.path / "state.json"
        self._state: dict[str, str | int] = json.loads(self._file.read_text()) if self._file.exists() else {}
        self.lock = _take_lock(self.path / "lock")

    def port(self, name: str) -> int:
        """The port remembered under `name`, or a new free one when there is none or somebody took it."""
        known = self._state.get(name)
        if isinstance(known, int) and _free(known):
            return known
        return int(self._remember(name, free_port()))

    def secret(self, name: str) -> str:
        """The secret remembered under `name`, made at first use."""
        known = self._state.get(name)
        return str(known) if known is not None else str(self._remember(name, secrets.token_urlsafe(18)))

    def release(self) -> None:
        """Let others use the directory (once the server's guard has ended too)."""
        os.close(self.lock)

    def _remember(self, name: str, value: str | int) -> str | int:
        self._state[name] = value
        draft = self._file.with_suffix(".new")
        draft.touch(mode=0o600)
        draft.write_text(json.dumps(self._state))
        draft.replace(self._file)
        return value


def free_port() -> int:
    """A free loopback TCP port below the kernel's ephemeral range.

    Within that range a client that reconnects to a server which is down may connect to itself, and the
    server then finds its own port taken.
    """
    with open("/proc/sys/net/ipv4/ip_local_port_range") as file:
        lowest = int(file.read().split()[0])
    span = range(15000, lowest) if lowest > 16000 else range(61001, 65500)
    for _ in range(1000):
        port = random.choice(span)
        if _free(port):
            return port
    raise OSError("no free loopback port was found")


def _free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _take_lock(path: Path) -> int:
    """Lock `path`; raises InUse."""
    lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    give_up = time.monotonic() + PATIENCE
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() < give_up:
                time.sleep(0.1)
                continue
            os.close(lock)
            raise InUse(
                f"{path.parent} is in use by another Qipan; stop that one or choose another directory"
            ) from None
        return lock
