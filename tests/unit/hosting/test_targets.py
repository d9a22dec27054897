"""Prometheus finds what runs, and nothing that runs no more."""

import json
from pathlib import Path

from qipan.hosting import targets
from qipan.hosting.targets import Target


def test_the_files_are_prometheus_own_form(tmp_path: Path) -> None:
    targets.write(tmp_path, targets.QIPAN, [Target("127.0.0.1:9", "dispatch@sandun.1", "dispatch@sandun")])
    (file,) = (tmp_path / "run").iterdir()
    assert json.loads(file.read_text()) == [
        {
            "targets": ["127.0.0.1:9"],
            "labels": {"instance": "dispatch@sandun.1", "serves": "dispatch@sandun"},
        }
    ]
    targets.write(tmp_path, targets.QIPAN, [])
    assert json.loads(file.read_text()) == []
    targets.forget(tmp_path, targets.QIPAN)
    targets.forget(tmp_path, targets.QIPAN)
    assert not file.exists()
