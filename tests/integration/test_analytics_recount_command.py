"""`python -m services.analytics recount`, which `qipan analytics recount` runs with the service's own role."""

import os
import subprocess
import sys

from case_samples import MORNING, triaged
from projection_desk import ROOT, analytics, build_analytics, told
from sqlalchemy import text

from qipan.tenancy import TestClock
from qipan.testing import Databases


def recount(url: str, *options: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "QIPAN_DATABASE_URL": url,
        "QIPAN_DISTRICT": str(ROOT / "districts/xihu"),
    }
    command = [sys.executable, "-m", "services.analytics", "recount", *options]
    return subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)


def test_it_says_what_differs_mends_it_and_ends_accordingly(database_url: Databases) -> None:
    url = database_url(build_analytics)
    desk = analytics(url, TestClock(MORNING), {})
    desk.hear(told(triaged()))
    agreed = recount(url, "--verify")
    assert (agreed.returncode, agreed.stdout) == (0, "The totals agree with a recount.\n")

    with desk.database.begin() as work:
        work.conn.execute(text("UPDATE analytics.totals SET received = 5 WHERE cut = 'matter'"))
    desk.database.close()
    found = recount(url, "--verify")
    assert found.returncode == 1
    assert "sandun matter 2026-03-01T16:00Z s:06010: received is 5, recounted 1" in found.stdout
    assert recount(url).stdout.endswith("1 figure(s) differed and have been mended.\n")
    assert recount(url, "--verify").returncode == 0
