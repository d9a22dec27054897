"""A command that cannot outlive this process, seen from the side that starts it."""

import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from qipan.hosting import guard

ORPHAN_GRACE = 5.0
"""Seconds to end in after the parent's death: whatever could wait for a reply or a hand-over is gone too."""


class StartError(RuntimeError):
    """A process did not start; the message carries the end of its log."""


class Guarded:
    """One running command with its guard. Whatever ends this process, even SIGKILL, ends the command too."""

    def __init__(
        self, process: "subprocess.Popen[bytes]", pid: int, log: Path, grace: float, stop_signal: str
    ) -> None:
        self.pid = pid
        self.log = log
        self._process = process
        self._grace = grace
        self._stop_signal = stop_signal
        self._writing = threading.Lock()

    @classmethod
    def start(
        cls,
        command: Sequence[str],
        *,
        log: Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | str = "/",
        user: str | None = None,
        stop_signal: str = "TERM",
        grace: float = 10.0,
        remove: Sequence[Path] = (),
        hold: Sequence[int] = (),
    ) -> "Guarded":
        """Start `command`, adding its output to `log`.

        `user` (root only) is the system user it runs as. `grace` is the time in seconds between `stop_signal`
        and SIGKILL in `stop`; at most 5 s of it are left when this process dies. `remove` are
        directories deleted if this process dies first. `hold` are file descriptors (locks) that stay open
        for as long as anything of the command lives. Raises StartError.
        """
        log.parent.mkdir(parents=True, exist_ok=True)
        orphan_grace = str(min(grace, ORPHAN_GRACE))
        arguments = ["--log", str(log), "--stop-signal", stop_signal, "--orphan-grace", orphan_grace]
        if user is not None:
            arguments += ["--user", user]
        for path in remove:
            arguments += ["--remove", str(path)]
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(guard.__file__), *arguments, "--", *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=None if env is None else dict(env),
            cwd=cwd,
            start_new_session=True,
            pass_fds=tuple(hold),
            bufsize=0,
        )
        assert process.stdout is not None
        assert process.stderr is not None
        first = process.stdout.readline()
        process.stdout.close()
        if not first:
            why = process.stderr.read().decode(errors="replace").strip().splitlines()
            process.wait()
            raise StartError(f"{command[0]} could not be started: {why[-1] if why else 'the guard ended'}")
        process.stderr.close()
        return cls(process, int(first), log, grace, stop_signal)

    def poll(self) -> int | None:
        """The exit code (128 + n after signal n) when the command and all below it have ended, else None."""
        return self._process.poll()

    def wait(self, timeout: float | None = None) -> int:
        """The exit code, waiting `timeout` seconds for it; raises subprocess.TimeoutExpired."""
        return self._process.wait(timeout)

    def signal(self, name: str) -> None:
        """Send the command a signal by its name without SIG; "KILL" kills all that it started."""
        assert self._process.stdin is not None
        try:
            with self._writing:
                self._process.stdin.write(f"{name}\n".encode())
        except (BrokenPipeError, ValueError):
            return  # it has ended already

    def stop(self) -> int:
        """Ask it to end, wait for the grace period, then kill it; returns the exit code."""
        self.signal(self._stop_signal)
        try:
            return self._ended(self._grace)
        except subprocess.TimeoutExpired:
            return self.kill()

    def kill(self) -> int:
        """SIGKILL the command and everything below it, now; returns the exit code."""
        self.signal("KILL")
        return self._ended(None)

    def tail(self, lines: int = 15) -> str:
        """The last lines of its log."""
        try:
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
        except OSError:
            return ""

    def _ended(self, timeout: float | None) -> int:
        code = self._process.wait(timeout)
        assert self._process.stdin is not None
        with self._writing:
            self._process.stdin.close()
        return code
