import os
import subprocess
from pathlib import Path

from exercise.playground import playground


def test_a_playground_is_gone_afterwards_and_those_of_the_killed_too(tmp_path: Path):
    ended = subprocess.Popen(["true"])
    ended.wait()
    elsewhere = tmp_path / "elsewhere" / "data"
    elsewhere.mkdir(parents=True)
    killed = tmp_path / f"demo-{ended.pid}"
    (killed / "postgres").mkdir(parents=True)
    (killed / "postgres" / "data").symlink_to(elsewhere)
    alive = tmp_path / "demo-1"
    alive.mkdir()
    with playground(tmp_path, "demo") as base:
        assert base == tmp_path / f"demo-{os.getpid()}"
        (base / "ledger.jsonl").write_text("{}")
        assert not killed.exists()
        assert not elsewhere.parent.exists()
        assert alive.exists()
    assert not base.exists()


def test_a_playground_may_be_kept(tmp_path: Path):
    with playground(tmp_path, "demo", keep=True) as base:
        pass
    assert base.exists()
