"""A database whose disk is full, for real: a small file system. What is acknowledged is there; the rest hears 503."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from qipan.doctor import Level, disk, worst
from qipan.hosting.embedded import EmbeddedPostgres
from tests.integration.intake_here import SANDUN, Here, build_intake, opened

MEGABYTES = 256
MOST = 400
"""Reports until the disk must be full; it has room for fewer."""


@pytest.fixture
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A file system of its own."""
    place = tmp_path_factory.mktemp("small")
    # PostgreSQL does not run as root, and must come to its data through all of these
    inside = [
        folder for folder in place.parents if folder.is_relative_to(tmp_path_factory.getbasetemp().parent)
    ]
    for folder in (place, *inside, tmp_path_factory.getbasetemp().parent.parent):
        folder.chmod(folder.stat().st_mode | 0o011)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={MEGABYTES}m,mode=0711", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("only root can mount a file system of its own, where that is allowed at all")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill(place: Path) -> Path:
    """Take what is left of the disk, but for a few pages."""
    filler = place / "filler"
    with filler.open("wb") as out:
        out.write(b"\0" * max(0, shutil.disk_usage(place).free - 64 * 1024))
    return filler


def post(here: Here, number: int) -> tuple[int, str | None]:
    answer = here.http.post(
        "/v1/reports",
        json={"text": f"路边垃圾成堆 {number} " + "长" * 1500, **SANDUN},
        headers={"Idempotency-Key": f"full-disk-{number:06}"},
    )
    return answer.status_code, answer.json().get("report_id")


def kept(here: Here) -> set[str]:
    return {row.report_id for row in here.rows()}


def test_a_report_is_acknowledged_only_while_it_can_be_kept(small: Path) -> None:
    with EmbeddedPostgres(small) as cluster:
        assert not (small / "postgres" / "data").is_symlink(), "the data lie on another disk"
        build_intake(cluster.url)
        with opened(cluster.url) as here:
            assert post(here, 0)[0] == 201
            filler = fill(small)
            assert worst(disk.look({"QIPAN_VAR": small})) is Level.FAULT
            answers = [post(here, number) for number in range(1, MOST)]
            refused = [status for status, _ in answers if status != 201]
            assert set(refused) == {503}, "a full disk was never met, or was answered otherwise"
            filler.unlink()
    # a PostgreSQL that could not write its log has ended: whoever runs it starts it anew
    with EmbeddedPostgres(small) as cluster, opened(cluster.url) as here:
        acknowledged = {report for status, report in answers if status == 201}
        assert acknowledged <= kept(here)
        assert post(here, MOST)[0] == 201
