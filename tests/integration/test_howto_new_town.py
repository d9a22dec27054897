"""The how-to's commands, run as they stand, in a copy of the tree: a town comes, is served, and is removed."""

import os
import sys
from pathlib import Path

import pytest

from qipan.tenancy import load_district
from qipan.tenancy.town_desk import Archive
from tests.integration.test_howto_own_service import ROOT, tree, walk

pytestmark = pytest.mark.slow

__all__ = ["tree"]

PAGE = ROOT / "docs/howto/new-town.md"
SECONDS = 400.0
"""Every process of a district is started again on the way, kind by kind."""


@pytest.mark.timeout(1500)
def test_the_page_takes_a_town_in_and_out(tree: Path) -> None:
    for folder in (tree, *tree.parents[:2]):  # PostgreSQL's own user must get through to var
        folder.chmod(folder.stat().st_mode | 0o011)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("QIPAN_")}
    path = f"{Path(sys.executable).parent}:{kept['PATH']}"
    walk(PAGE, tree, {**kept, "PATH": path, "PYTHONPATH": str(ROOT), "COLUMNS": "200"}, SECONDS)
    assert "qiaoxi" not in load_district(tree / "districts/xihu").tenants
    assert len(Archive(tree / "qiaoxi.zip").index["cases"]) == 1
