"""`qipan analytics months`, run as it is with the service's own role: months listed, and old ones dropped."""

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from case_samples import EVENT_OF, MORNING, case, triaged
from months_desk import ANSWERS, MARCH, as_role, keep, made, put, totals, where, zone_of
from projection_desk import ROOT, Projection, analytics, build_analytics, told

from qipan.contracts.case import Stage
from qipan.tenancy import TestClock
from qipan.testing import Databases
from services.analytics import partitions, recount, store
from services.analytics.months import AHEAD, Month
from services.analytics.totals import EPOCH, Cut, Key


@pytest.fixture
def desk(database_url: Databases) -> Iterator[Projection]:
    """Analytics whose months are not made yet."""
    desk = analytics(database_url(build_analytics), TestClock(MORNING), ANSWERS)
    yield desk
    desk.database.close()


def months(url: str, *options: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "QIPAN_DATABASE_URL": url,
        "QIPAN_DISTRICT": str(ROOT / "districts/xihu"),
    }
    command = [sys.executable, "-m", "services.analytics", "months", *options]
    return subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)


def test_months_are_listed_with_what_they_hold(database_url: Databases) -> None:
    url = database_url(build_analytics)
    with as_role(url) as database:
        put(database, MORNING)
        put(database, MORNING + timedelta(hours=1))
        keep(database)
        put(database, MORNING + timedelta(days=2000))
    listed = {line.split()[0]: int(line.split()[1]) for line in months(url).stdout.splitlines()}
    assert listed == {
        **{str(MARCH.plus(ahead)): 0 for ahead in range(1, AHEAD + 1)},
        "2026-03": 2,
        "totals_epoch": 0,
        "totals_other": 1,
    }


@pytest.fixture
def dropped(database_url: Databases) -> Iterator[tuple[str, Projection]]:
    """A desk in March; a case filed in February is still open, and February's totals are dropped."""
    url = database_url(build_analytics)
    desk = analytics(url, TestClock(MORNING), ANSWERS)
    desk.hear(told(EVENT_OF[Stage.OFFERED](case=open_case())), told(triaged()))
    put(desk.database, datetime(2023, 1, 5, tzinfo=UTC))
    keep(desk.database)
    put(desk.database, datetime(2020, 1, 5, tzinfo=UTC), "wenxin")  # not moved yet
    desk.hear(told(EVENT_OF[Stage.ACCEPTED](case=open_case(stage=Stage.ACCEPTED, version=2))))
    done = months(url, "--drop-before", "2026-03")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Dropped: 2023-01, 2026-02.\nThe totals of those months are gone")
    yield url, desk
    desk.database.close()


def open_case(**changes: Any) -> Any:
    february = datetime(2026, 2, 20, 4, tzinfo=UTC)
    return case("old", filed_at=february, dispose_due_at=MORNING + timedelta(hours=3), **changes)


def closing() -> Any:
    return open_case(stage=Stage.CLOSED, version=3, disposed_at=MORNING, closed_at=MORNING)


def test_dropped_months_are_gone_and_neither_events_nor_a_recount_bring_them_back(
    dropped: tuple[str, Projection],
) -> None:
    url, desk = dropped
    assert min(made(desk.database)) == MARCH
    assert "totals_other" not in where(desk.database)
    ever = Key("sandun", Cut.EVER, EPOCH, "")
    assert totals(desk.database)[ever]["open"] == 1  # what counts for ever stays
    desk.hear(told(EVENT_OF[Stage.CLOSED](case=closing())))
    assert "open" not in totals(desk.database)[ever]
    assert where(desk.database)["totals_other"] > 0  # February's parts, of which nothing else is left
    assert recount.recount(desk.database, zone_of) == []
    keep(desk.database)
    assert min(made(desk.database)) == MARCH
    assert "totals_other" not in where(desk.database)
    assert desk.rows("SELECT stage FROM analytics.case_states WHERE case_id = 'old'") == [("closed",)]
    assert "before 2026-03 was dropped" in months(url).stdout


def test_control_a_recount_that_does_not_know_what_was_dropped_brings_it_back(
    dropped: tuple[str, Projection], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, desk = dropped
    monkeypatch.setattr(partitions, "kept_since", lambda conn: None)
    assert recount.recount(desk.database, zone_of) != []
    keep(desk.database)
    assert Month(2026, 2) in made(desk.database)


def test_what_is_not_over_or_no_month_is_refused(database_url: Databases) -> None:
    url = database_url(build_analytics)
    with as_role(url) as database:
        this = Month.of(datetime.now(UTC))
        keep(database, this.since)
        before = made(database)
        refused = months(url, "--drop-before", str(this.plus(1)))
        assert (refused.returncode, refused.stdout) == (2, "")
        assert f"{this} is not over" in refused.stderr
        assert months(url, "--drop-before", "2026-3").returncode == 2
        assert made(database) == before
        with database.begin() as work:
            assert partitions.kept_since(work.conn) is None


def test_who_reads_is_not_broken_off_by_a_drop(desk: Projection) -> None:
    keep(desk.database)
    with desk.database.begin() as reader:
        store.totals_of(reader.conn, "sandun")
        with pytest.raises(partitions.InUse):
            partitions.drop(desk.database, MARCH.plus(1))
    assert MARCH in made(desk.database)
    assert partitions.drop(desk.database, MARCH.plus(1)) == [MARCH]
    assert MARCH not in made(desk.database)
