"""`qipan up`: a district that runs, is looked after from another terminal, and leaves nothing behind."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.processes import marked

REPORT = {"channel": "app", "text": "路面积水，井盖缺失", "lon": 120.085, "lat": 30.325, "matter": None}


@dataclass(frozen=True)
class Up:
    """A running `qipan up` and what it printed."""

    process: "subprocess.Popen[str]"
    var: Path
    printed: str

    @property
    def gateway(self) -> str:
        found = re.search(r"gateway\s+(http://\S+)", self.printed)
        assert found is not None
        return found.group(1)

    def password(self, account: str) -> str:
        found = re.search(rf"{re.escape(account)}\s+(\w+)", self.printed)
        assert found is not None
        return found.group(1)

    def qipan(self, *words: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "qipan", *words],
            env=environment(self.var),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


def environment(var: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("QIPAN_")}
    return {**kept, "QIPAN_VAR": str(var), "COLUMNS": "240"}


def post(url: str, body: Any, **headers: str) -> Any:
    request = urllib.request.Request(
        url, json.dumps(body).encode(), {"content-type": "application/json", **headers}, method="POST"
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.loads(answer.read())


def eventually(holds: Callable[[], bool], seconds: float = 60.0) -> bool:
    give_up = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > give_up:
            return False
        time.sleep(0.2)
    return True


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    outside = tmp_path_factory.mktemp("up")
    # Where PostgreSQL's system user gets through, so that its data lie there too and go with it.
    for folder in (outside, *outside.parents[:2]):
        folder.chmod(folder.stat().st_mode | 0o011)
    var = outside / "var"
    process = subprocess.Popen(
        [sys.executable, "-m", "qipan", "up"],
        env=environment(var),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    printed = ""
    for line in process.stdout:
        printed += line
        if "Ctrl-C" in line:
            break
    assert "is running" in printed, printed
    yield Up(process, var, printed)
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()


def test_it_prints_addresses_and_an_account_per_role_that_can_sign_in(up: Up) -> None:
    for role in (
        "grid-worker",
        "acceptor",
        "dispatcher",
        "handler",
        "shift-leader",
        "supervisor",
        "town-lead",
    ):
        assert re.search(rf"^\s*{role}\s", up.printed, re.MULTILINE), role
    account = "xihu.dispatcher.1"
    session = post(f"{up.gateway}/v1/session", {"account": account, "password": up.password(account)})
    assert session["token"]


def test_another_terminal_sees_every_process_and_who_serves_whom(up: Up) -> None:
    listed = up.qipan("ps")
    for name in ("door.1", "gateway.1", "steward.1", "intake.1", "dispatch@sandun.1", "dispatch@shuangpu.2"):
        assert re.search(rf"{re.escape(name)}\s+ready", listed), listed
    assert re.search(r"dispatch\s+sandun", up.qipan("who"))


def test_the_doctor_finds_nothing_wrong_with_a_running_district(up: Up) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "qipan", "doctor", "--json"],
        env=environment(up.var),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    found = json.loads(done.stdout)["findings"]
    assert {each["area"] for each in found} == {
        "settings",
        "pack",
        "disk",
        "database",
        "migrations",
        "broker",
        "clock",
    }
    wrong = [
        each for each in found if each["level"] != "ok" and each["area"] != "disk"
    ]  # that one is the machine's
    assert wrong == []


def test_a_towns_service_is_retired_and_run_again_while_the_rest_goes_on(up: Up) -> None:
    up.qipan("retire", "dispatch@sandun")
    assert eventually(lambda: not re.search(r"dispatch\s+sandun", up.qipan("who")))
    up.qipan("scale", "dispatch@sandun", "2")
    assert eventually(lambda: len(re.findall(r"dispatch\s+sandun", up.qipan("who"))) == 2)
    up.qipan("scale", "dispatch@sandun", "1")


def test_a_report_can_be_followed_to_its_case(up: Up) -> None:
    report = post(f"{up.gateway}/v1/reports", REPORT, **{"idempotency-key": "follow me"})["report_id"]
    assert eventually(lambda: "triaged" in up.qipan("case", "why", report))
    assert "received" in up.qipan("case", "why", report, "--tenant", "sandun")


@pytest.mark.slow
def test_a_backup_beside_live_work_is_rehearsed(up: Up, tmp_path: Path) -> None:
    said = up.qipan("backup", "create", str(tmp_path / "backup"))
    assert re.search(r"[1-9]\d* rows, \d+ events on their way", said), said
    assert re.search(r"✓ \d+ tables, [1-9]\d* rows", up.qipan("backup", "rehearse", str(tmp_path / "backup")))


def test_there_are_no_dead_letters(up: Up) -> None:
    assert "No open dead letters" in up.qipan("dead", "list")


def test_a_second_one_in_the_same_place_is_refused_in_words(up: Up) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "qipan", "up"],
        env=environment(up.var),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1
    assert "in use by another Qipan" in done.stderr
    assert "Traceback" not in done.stderr


def test_after_kill_9_nothing_of_it_survives(up: Up) -> None:
    """The last test of this file: it ends the run that the others share."""
    assert len(marked(str(up.var))) > 20
    os.kill(up.process.pid, signal.SIGKILL)
    up.process.wait()
    assert eventually(lambda: marked(str(up.var)) == [])
