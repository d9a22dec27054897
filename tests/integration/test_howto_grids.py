"""The how-to's commands, run as they stand, in a copy of the pack: a grid gets a new version."""

import os
import shutil
import sys
from pathlib import Path

from qipan.tenancy import load_district
from tests.integration.test_howto_own_service import Terminal, steps

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/howto/grids.md"
QIPAN = '#!/bin/sh\nexec "{python}" -m qipan "$@"\n'


def test_the_page_takes_its_reader_from_a_file_to_a_version(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "districts", tmp_path / "districts", ignore=shutil.ignore_patterns("__pycache__"))
    here = tmp_path / "bin"
    here.mkdir()
    (here / "qipan").write_text(QIPAN.format(python=sys.executable))
    (here / "qipan").chmod(0o755)
    env = {
        **os.environ,
        "PATH": f"{here}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "QIPAN_VAR": str(tmp_path / "var"),
    }
    terminal = Terminal(tmp_path, env)
    run = list(steps(PAGE.read_text(encoding="utf-8")))
    assert len(run) > 6
    for step in run:
        terminal.run(step)
    layers = load_district(tmp_path / "districts/xihu").territory.layers
    assert len({cell.code for cell in layers["duty"].cells}) == 1201
