"""The parent-death guard: runs one command and lets nothing of it survive whoever started it.

Started as a script by `qipan.hosting.guarded`, with the standard library alone, so that it is up in a few
milliseconds. Its standard input is its lifeline: each line names a signal for the command, and its end means
that the parent is gone, by whatever death. Then the command gets its stop signal, a time of grace, and
SIGKILL. The guard is a subreaper: daemons and re-parented children (epmd, PostgreSQL's backends) stay its
descendants and end with it.
"""

import argparse
import contextlib
import ctypes
import os
import pwd
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


def main() -> int:
    """Run the command named on the command line; returns its exit code (128 + n when signal n ended it)."""
    options = _options()
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    if prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(
            ctypes.get_errno(), "this system has no child subreapers (Linux 3.4 or later is needed)"
        )
    wake = _wake_on_signals()
    child = _start(options, lambda: prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0))
    sys.stdout.write(f"{child.pid}\n")
    sys.stdout.close()
    code, lifeline_held = _watch(child.pid, wake, options.stop_signal, options.orphan_grace)
    _end_descendants()
    if not lifeline_held:
        delete(options.remove)
    return code


def delete(directories: Sequence[Path]) -> None:
    """Delete directories, and those that they lay in where these are empty then."""
    for path in directories:
        shutil.rmtree(path, ignore_errors=True)
        with contextlib.suppress(OSError):
            path.parent.rmdir()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="guard", description="Run a command that ends with its parent.")
    parser.add_argument("--log", type=Path, required=True, help="file to which the command's output is added")
    parser.add_argument("--user", help="system user to run as (needs root)")
    parser.add_argument("--stop-signal", default="TERM", help="asks the command to end, e.g. TERM or INT")
    parser.add_argument(
        "--orphan-grace", type=float, default=5.0, help="seconds between the stop signal and SIGKILL"
    )
    parser.add_argument(
        "--remove", type=Path, action="append", default=[], help="delete once the parent is gone"
    )
    parser.add_argument("command", nargs="+")
    return parser.parse_args()


def _wake_on_signals() -> int:
    """A file descriptor that becomes readable when a child ends; terminal signals do not end the guard."""
    read, write = os.pipe()
    os.set_blocking(read, False)
    os.set_blocking(write, False)
    signal.set_wakeup_fd(write)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    for name in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(name, signal.SIG_IGN)
    return read


def _start(options: argparse.Namespace, die_with_guard: Callable[[], object]) -> "subprocess.Popen[bytes]":
    def prepare() -> None:
        for name in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
            signal.signal(name, signal.SIG_DFL)
        die_with_guard()

    user = pwd.getpwnam(options.user) if options.user else None
    with options.log.open("ab") as log:
        return subprocess.Popen(
            options.command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            process_group=0,
            preexec_fn=prepare,
            user=user.pw_uid if user else None,
            group=user.pw_gid if user else None,
            extra_groups=[] if user else None,
        )


def _watch(pid: int, wake: int, stop_signal: str, grace: float) -> tuple[int, bool]:
    """Forward signals until the command ends; its exit code, and whether the parent still lived then."""
    lifeline, kill_at, pending = True, None, b""
    while True:
        code = _reap(pid)
        if code is not None:
            return code, lifeline
        timeout = None if kill_at is None else max(0.0, kill_at - time.monotonic())
        readable, _, _ = select.select([wake, 0] if lifeline else [wake], [], [], timeout)
        if wake in readable:
            os.read(wake, 4096)
        if 0 in readable:
            data = os.read(0, 4096)
            if not data:
                lifeline, kill_at = False, time.monotonic() + grace
                os.kill(pid, signal.Signals[f"SIG{stop_signal}"])
            *lines, pending = (pending + data).split(b"\n")
            for line in lines:
                _forward(pid, line.decode())
        if kill_at is not None and time.monotonic() >= kill_at:
            _end_descendants(reap=False)


def _forward(pid: int, name: str) -> None:
    if name == "KILL":
        _end_descendants(reap=False)
    else:
        os.kill(pid, signal.Signals[f"SIG{name}"])


def _reap(pid: int) -> int | None:
    """Collect every child that has ended; the command's exit code once it is among them."""
    while True:
        try:
            ended, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return 127
        if ended == 0:
            return None
        if ended == pid:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code


def _end_descendants(reap: bool = True) -> None:
    """SIGKILL everything below the guard; with `reap`, until nothing is left."""
    while True:
        below = _descendants(os.getpid())
        for pid in below:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        if not reap:
            return
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                continue
        except ChildProcessError:
            return
        time.sleep(0.005)


def _descendants(root: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            stat = Path(f"/proc/{entry}/stat").read_text()
        except OSError:
            continue
        parent = int(stat.rpartition(")")[2].split()[1])
        children.setdefault(parent, []).append(int(entry))
    found: list[int] = []
    waiting = [root]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return found


if __name__ == "__main__":
    sys.exit(main())
