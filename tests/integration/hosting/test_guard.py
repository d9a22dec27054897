"""Nothing that a process started survives it, by whatever death it dies."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from qipan.hosting.guarded import Guarded, StartError
from tests.processes import marked

# A tree such as real servers make: a child in a session of its own, and a daemon that nobody is parent of.
TREE = """
import os, signal, subprocess, sys, time
mark = sys.argv[1]
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)", mark], start_new_session=True)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execv(sys.executable, [sys.executable, "-c", "import time; time.sleep(600)", mark])
    os._exit(0)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
time.sleep(600)
"""

PARENT = """
import sys, time
from pathlib import Path
from qipan.hosting.guarded import Guarded
mark, log = sys.argv[1], Path(sys.argv[2])
Guarded.start([sys.executable, "-c", sys.argv[3], mark], log=log, grace=0.2, remove=[log.parent / "scratch"])
print("started", flush=True)
time.sleep(600)
"""

SERVERS = """
import sys, time
from qipan.hosting.embedded import EmbeddedBroker, EmbeddedPostgres
base = sys.argv[1]
with EmbeddedPostgres(base, ephemeral=True) as p, EmbeddedBroker(base, ephemeral=True) as b:
    print("started", flush=True)
    time.sleep(600)
"""


def eventually(holds: Callable[[], bool], seconds: float = 30.0) -> bool:
    give_up = time.monotonic() + seconds
    while time.monotonic() < give_up:
        if holds():
            return True
        time.sleep(0.05)
    return holds()


@pytest.fixture
def mark(tmp_path: Path) -> str:
    return f"mark-{tmp_path.name}-{os.getpid()}"


def start_parent(program: str, *arguments: str) -> "subprocess.Popen[str]":
    parent = subprocess.Popen(
        [sys.executable, "-c", program, *arguments], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert parent.stdout is not None
    assert parent.stdout.readline() == "started\n"
    return parent


def test_after_kill_9_of_the_parent_nothing_survives(tmp_path: Path, mark: str) -> None:
    (tmp_path / "scratch").mkdir()
    parent = start_parent(PARENT, mark, str(tmp_path / "log"), TREE)
    assert eventually(lambda: len(marked(mark)) >= 4), "parent, guard, command, child and daemon should run"
    parent.kill()
    parent.wait()
    assert eventually(lambda: marked(mark) == [])
    assert eventually(lambda: not (tmp_path / "scratch").exists())


def test_without_the_guard_the_tree_would_survive(mark: str) -> None:
    """The control: what the guard ends does not end by itself."""
    command = subprocess.Popen([sys.executable, "-c", TREE, mark], start_new_session=True)
    assert eventually(lambda: len(marked(mark)) == 3)
    command.kill()
    command.wait()
    survivors = marked(mark)
    for pid in survivors:
        os.kill(pid, signal.SIGKILL)
    assert len(survivors) == 2


def test_after_kill_9_no_server_survives(tmp_path: Path) -> None:
    base = tmp_path / "base"
    parent = start_parent(SERVERS, str(base))
    running = marked(str(base))
    data = (base / "postgres" / "data").resolve()
    assert data.exists()
    assert len(running) >= 5, "the parent, two guards, the postmaster and the Erlang machine at least"
    os.killpg(parent.pid, signal.SIGKILL)
    parent.wait()
    assert eventually(lambda: marked(str(base)) == [])
    assert eventually(lambda: not base.exists() and not data.exists())


def test_when_the_guard_itself_is_killed_the_command_dies_too(tmp_path: Path) -> None:
    command = Guarded.start(["sleep", "600"], log=tmp_path / "log")
    guard = int((Path(f"/proc/{command.pid}") / "stat").read_text().rpartition(")")[2].split()[1])
    os.kill(guard, signal.SIGKILL)
    assert eventually(lambda: not Path(f"/proc/{command.pid}").exists())


def test_a_command_that_ends_by_itself_takes_its_children_along(tmp_path: Path, mark: str) -> None:
    script = f"{sys.executable} -c 'import time; time.sleep(600)' {mark} & exit 3"
    assert Guarded.start(["sh", "-c", script], log=tmp_path / "log").wait(30) == 3
    assert marked(mark) == []


def test_stopping_asks_first_and_kills_after_the_grace(tmp_path: Path) -> None:
    polite = Guarded.start(
        ["sh", "-c", "trap 'exit 5' TERM; echo up; while :; do sleep 0.05; done"], log=tmp_path / "a"
    )
    stubborn = Guarded.start(["sh", "-c", "trap '' TERM; echo up; sleep 600"], log=tmp_path / "b", grace=0.2)
    assert eventually(lambda: polite.tail() == "up" and stubborn.tail() == "up")
    assert polite.stop() == 5
    assert stubborn.stop() == 128 + signal.SIGKILL
    assert polite.stop() == 5, "stopping what has ended changes nothing"


def test_what_cannot_start_is_an_error_in_words(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="no-such-program"):
        Guarded.start(["/no-such-program"], log=tmp_path / "log")
