"""Three broker nodes on hosts of their own, each kind of fault once; and nothing of it outlives whoever ran it."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.cluster import apart
from tests.processes import marked

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(
        os.geteuid() != 0 or not shutil.which("ip") or not shutil.which("nsenter"),
        reason="network namespaces need root, iproute2 and util-linux",
    ),
]
ROOT = Path(__file__).parents[2]


def test_a_node_killed_and_a_leader_cut_off_lose_nothing() -> None:
    found = apart.run(2_000, 7, "--no-control", "--strike", "kill a node", "isolate the leader", rounds=1)
    assert found["faults"] == {"kill a node": 1, "isolate the leader": 1}
    assert found["confirmed"] >= 2_000
    for name in ("lost", "duplicate_effects", "unsent", "not_recovered", "calls_wrong"):
        assert found[name] == 0, name


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that PostgreSQL's user reaches too."""
    path = Path(tempfile.mkdtemp(prefix="qipan-test-cluster-"))
    path.chmod(0o711)
    yield path
    shutil.rmtree(path)


def test_killed_it_leaves_neither_hosts_nor_nodes_nor_files(folder: Path) -> None:
    mark = str(folder)
    words = ["--confirmed", "1000000", "--seed", "1", "--rounds", "1", "--out", str(folder / "out.json")]
    run = subprocess.Popen(
        [*apart.command(), sys.executable, "-m", "tests.faults.cluster", *words],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": mark},
        stdout=subprocess.PIPE,
    )
    assert run.stdout is not None
    try:
        assert b"confirmed" in run.stdout.readline()  # all of it is up, and the first fault strikes
        network = os.readlink(f"/proc/{run.pid}/ns/net")
    finally:
        run.kill()
        run.wait()
    end = time.monotonic() + 60
    while marked(mark) or list(folder.iterdir()):
        assert time.monotonic() < end, (marked(mark), list(folder.iterdir()))
        time.sleep(0.2)
    assert network not in {_network(entry) for entry in Path("/proc").iterdir() if entry.name.isdigit()}


def _network(process: Path) -> str:
    try:
        return os.readlink(process / "ns/net")
    except OSError:
        return ""
