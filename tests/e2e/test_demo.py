"""A short day through the whole stack: servers, every service as a process, people over HTTP."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from qipan.tenancy import load_district
from tests.processes import marked

ROOT = Path(__file__).parents[2]
TOWNS = {town.id for town in load_district(ROOT / "districts" / "xihu").towns}

HEEDING_CTRL_C = ("env", "--default-signal=INT")
"""A shell that runs the tests in the background lets them ignore Ctrl-C, and they would hand that on."""


def demo(var: Path, *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*HEEDING_CTRL_C, sys.executable, "-m", "exercise.demo", *options, "--out", str(var / "demo.json")],
        cwd=ROOT,
        env={**os.environ, "QIPAN_VAR": str(var)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.mark.slow  # `make demo` plays a whole one
@pytest.mark.timeout(600)
def test_a_short_day_ends_with_balanced_books(tmp_path: Path):
    var = tmp_path / "var"
    run = demo(var, "--reports", "130", "--rate", "3600", "--fewest", "120", "--drain", "120")
    said, _ = run.communicate()
    assert run.returncode == 0, said
    told = json.loads((var / "demo.json").read_text("utf-8"))
    assert told["balanced"] is True
    assert told["lost"] == told["duplicate_effects"] == told["dead_letters"] == told["unanswered"] == 0
    assert told["accepted"] == told["visible"] >= 120
    assert told["submitted"] == told["accepted"] + told["refused"]
    assert set(told["refusals"]) == {"malformed-json", "unknown-field", "too-long"}
    assert told["repeats"] == 3
    assert told["closed"] >= 0.9 * told["filed"]
    assert told["notifications"] > told["filed"]
    assert set(told["served_by"]) == TOWNS
    assert told["served_by"]["sandun"] == "dispatch@sandun"
    assert told["served_by"]["shuangpu"] == "dispatch@shuangpu"
    assert told["served_by"]["xixi"] == "dispatch"
    assert set(told["own_services"]) == {"sandun", "shuangpu", "traffic-police"}
    assert told["others"] >= 1  # the flood watch's own report
    assert sum(told["tracked"].values()) == told["accepted"]
    used = told[
        "functions"
    ]  # what goes by the clock is used in the shortest day, the rest by some of its cases
    assert used["mandates_revoked"] == used["mandates_granted"] == 6
    assert (used["shifts"], used["emergencies"]) == (2 * 2 * len(TOWNS), 2)
    assert any(used[key] for key in ("joint", "whistles", "extensions", "unit_handovers", "instructions"))
    assert not list(var.glob("demo-*"))
    assert marked(str(var)) == []


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("death", "at"), [(signal.SIGKILL, "starting"), (signal.SIGINT, "gateway")])
def test_nothing_survives_a_demo_that_is_killed_or_interrupted(
    tmp_path: Path, death: signal.Signals, at: str
):
    """Killed with half of its processes started, interrupted when all of them run."""
    var = tmp_path / "var"
    run = demo(var, "--reports", "60")
    assert run.stdout is not None
    for line in run.stdout:
        if at in line:
            break
    give_up = time.monotonic() + 60
    while len(marked(str(var))) <= 10 and time.monotonic() < give_up:
        time.sleep(0.1)
    assert len(marked(str(var))) > 10
    run.send_signal(death)
    run.wait()
    give_up = time.monotonic() + 60
    while marked(str(var)) and time.monotonic() < give_up:
        time.sleep(0.2)
    assert marked(str(var)) == []
    if death is signal.SIGINT:
        assert run.returncode == 130
        assert not list(var.glob("demo-*"))
