"""The totals' partitions on a real database: made ahead and filled, and read by themselves alone."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
from case_samples import EVENT_OF, MORNING, case, triaged
from months_desk import ANSWERS, MARCH, SERVICES, as_role, keep, made, put, totals, where
from projection_desk import Projection, analytics, build_analytics, told, xihu
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.exc import IntegrityError

from qipan.contracts.case import Stage
from qipan.contracts.figures import GetFigures
from qipan.contracts.queries import GetBoard
from qipan.storage import migrate
from qipan.tenancy import TestClock
from qipan.testing import Databases
from services.analytics import partitions, readings, recount, store
from services.analytics.board import Period
from services.analytics.months import AHEAD, Month
from services.analytics.totals import EPOCH, Key


@pytest.fixture
def desk(database_url: Databases) -> Iterator[Projection]:
    """Analytics whose months are not made yet."""
    desk = analytics(database_url(build_analytics), TestClock(MORNING), ANSWERS)
    yield desk
    desk.database.close()


def test_months_are_made_ahead_by_every_clock_and_once(desk: Projection) -> None:
    exercise = datetime(2031, 12, 5, tzinfo=UTC)
    expected = sorted(Month.of(at).plus(ahead) for at in (MORNING, exercise) for ahead in range(AHEAD + 1))
    assert keep(desk.database, MORNING, exercise) == expected
    assert keep(desk.database, MORNING, exercise) == []
    assert made(desk.database) == expected


def test_replicas_that_meet_make_each_month_once(desk: Projection) -> None:
    put(desk.database, MORNING)
    together = Barrier(4)

    def replica(_: int) -> list[Month]:
        together.wait()
        return keep(desk.database)

    with ThreadPoolExecutor(4) as replicas:
        done = [month for months in replicas.map(replica, range(4)) for month in months]
    done += keep(desk.database)
    assert sorted(done) == made(desk.database)
    assert where(desk.database) == {"totals_2026_03": 1}


def test_nothing_is_refused_and_what_fell_into_the_default_moves_when_its_month_is_made(
    desk: Projection,
) -> None:
    desk.hear(told(triaged()), told(EVENT_OF[Stage.OFFERED](case=case())))
    late = put(desk.database, MORNING - timedelta(days=400))
    early = put(desk.database, MORNING + timedelta(days=300))
    before = totals(desk.database)
    assert set(where(desk.database)) == {"totals_epoch", "totals_other"}
    keep(desk.database)
    assert totals(desk.database) == before
    assert where(desk.database)["totals_2025_01"] == where(desk.database)["totals_2026_12"] == 1
    assert "totals_other" not in where(desk.database)
    put(desk.database, late.bucket)
    put(desk.database, early.bucket, received=4)
    assert totals(desk.database)[late] == {"received": 2}
    assert totals(desk.database)[early] == {"received": 5}
    assert "totals_other" not in where(desk.database)


def test_one_month_with_rows_is_made_at_a_time_the_newest_first(desk: Projection) -> None:
    put(desk.database, MORNING)
    put(desk.database, MARCH.plus(-1).since)
    assert partitions.keep(desk.database, [MORNING]) == [MARCH.plus(ahead) for ahead in range(AHEAD + 1)]
    assert partitions.keep(desk.database, [MORNING]) == [MARCH.plus(-1)]


def test_what_lies_out_of_reach_stays_in_the_default_and_makes_no_months(desk: Projection) -> None:
    keep(desk.database)
    for at in (datetime(1200, 5, 1, tzinfo=UTC), datetime(2400, 5, 1, tzinfo=UTC)):
        put(desk.database, at)
    with desk.database.begin() as work:
        work.conn.execute(text("INSERT INTO analytics.totals VALUES ('sandun', 'hour', 'infinity', '')"))
    assert keep(desk.database) == []
    assert where(desk.database) == {"totals_other": 3}


def test_a_month_whose_table_was_detached_is_left_alone_and_hinders_no_other(desk: Projection) -> None:
    with desk.database.begin() as work:
        work.conn.execute(text("CREATE TABLE analytics.totals_2026_03 (LIKE analytics.totals)"))
    put(desk.database, MORNING)
    assert keep(desk.database) == [MARCH.plus(ahead) for ahead in range(1, AHEAD + 1)]
    assert where(desk.database) == {"totals_other": 1}


@contextmanager
def before_the_lock(engine: Engine, call: Any) -> Iterator[None]:
    """Something happens after the rows were copied, and before the totals are locked."""

    def look(_conn: object, _cursor: object, statement: str, *_rest: object) -> None:
        if statement.startswith("LOCK TABLE"):
            call()

    event.listen(engine, "before_cursor_execute", look)
    try:
        yield
    finally:
        event.remove(engine, "before_cursor_execute", look)


def moved_beside_live_work(desk: Projection) -> list[Any]:
    """What a recount finds after a month was made while its rows changed, came and went."""
    desk.hear(told(triaged("r-1")), told(EVENT_OF[Stage.OFFERED](case=case("c-1"))))
    lost = put(desk.database, MORNING + timedelta(hours=9))

    def live() -> None:
        closed = case("c-1", version=2, stage=Stage.CLOSED, disposed_at=MORNING, closed_at=MORNING)
        desk.hear(told(EVENT_OF[Stage.CLOSED](case=closed)), told(triaged("r-2", matter="s:06020")))
        with desk.database.begin() as work:
            gone = text("DELETE FROM analytics.totals WHERE bucket = :at AND cut = 'hour'")
            work.conn.execute(gone, {"at": lost.bucket})

    with before_the_lock(desk.database.engine, live):
        assert partitions.make(desk.database, MARCH)
    return recount.recount(desk.database, lambda tenant: xihu().tenant(tenant).zone, verify=True)


def test_what_changes_while_rows_are_moved_is_made_good(desk: Projection) -> None:
    assert moved_beside_live_work(desk) == []
    assert set(where(desk.database)) == {"totals_epoch", "totals_2026_03"}


@pytest.mark.parametrize("lacking", ["_STALE", "_MOVE"])
def test_control_what_is_not_made_good_is_found(
    desk: Projection, monkeypatch: pytest.MonkeyPatch, lacking: str
) -> None:
    monkeypatch.setattr(partitions, lacking, "SELECT CAST(:since AS text), CAST(:until AS text)")
    if lacking == "_MOVE":  # PostgreSQL itself refuses a month whose rows still lie in the default partition
        with pytest.raises(IntegrityError):
            moved_beside_live_work(desk)
    else:
        assert moved_beside_live_work(desk) != []


def test_who_holds_the_totals_is_not_waited_for_and_nothing_is_left_behind(desk: Projection) -> None:
    put(desk.database, MORNING)
    with desk.database.begin() as reader:
        store.totals_of(reader.conn, "sandun")
        assert keep(desk.database) == []
        assert made(desk.database) == []
        assert desk.rows("SELECT to_regclass('analytics.totals_2026_03')") == [(None,)]
    assert keep(desk.database)[0] == MARCH
    assert where(desk.database) == {"totals_2026_03": 1}


def read_by(desk: Projection, ask: Any) -> set[str]:
    """The partitions in the plans of everything that is read from the totals meanwhile."""
    asked: list[tuple[str, Any]] = []

    def look(_conn: Connection, _cursor: object, statement: str, given: Any, *_rest: object) -> None:
        if "analytics.totals" in statement:
            asked.append((statement, given))

    event.listen(desk.database.engine, "before_cursor_execute", look)
    try:
        ask()
    finally:
        event.remove(desk.database.engine, "before_cursor_execute", look)
    assert asked
    found: set[str] = set()
    with desk.database.begin() as work:
        for statement, given in asked:
            [(plan,)] = work.conn.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", given)
            found |= relations(plan)
    return found


def relations(plan: Any) -> set[str]:
    """The tables that a plan names."""
    if isinstance(plan, list):
        return {name for part in plan for name in relations(part)}
    if not isinstance(plan, dict):
        return set()
    own = {plan["Relation Name"]} if "Relation Name" in plan else set()
    return own | {name for part in plan.values() for name in relations(part)}


def test_a_board_reads_the_months_that_it_needs_and_no_other(desk: Projection) -> None:
    desk.hear(told(triaged()), told(EVENT_OF[Stage.OFFERED](case=case())))
    for ago in range(300, 0, -20):
        put(desk.database, MORNING - timedelta(days=ago))
    keep(desk.database)
    board = read_by(desk, lambda: desk.ask("sandun.supervisor.1", GetBoard(), tenant="xihu"))
    assert board == {"totals_epoch", "totals_2026_01", "totals_2026_02", "totals_2026_03"}
    every_day = GetFigures(by="department", every="day", period="2025-11")
    figures = read_by(desk, lambda: desk.ask("sandun.supervisor.1", every_day, tenant="xihu"))
    assert figures == {"totals_2025_10", "totals_2025_11"}
    # the control: a tenant's totals without a time are in all of them
    everything = read_by(desk, lambda: totals(desk.database))
    assert everything > {"totals_other", "totals_2025_06", *board, *figures}


@pytest.mark.parametrize("once", [True, False])
def test_what_a_board_runs_scans_its_months_alone(desk: Projection, once: bool) -> None:
    for ago in range(300, 0, -20):
        put(desk.database, MORNING - timedelta(days=ago))
    keep(desk.database)
    lately = Period.until(MORNING, 30, "Asia/Shanghai")
    for _ in range(12):  # until the statements are prepared, and PostgreSQL has made up its mind
        with desk.database.begin() as work:
            before = scans(work.conn)
            if once:
                readings.plan_once(work.conn)
            readings.by_tenant(work.conn, ["sandun"], lately)
            readings.by_hour(work.conn, ["sandun"], lately)
            scanned = (scans(work.conn) - before).keys()
    assert scanned == {"totals_2026_01", "totals_2026_02", "totals_2026_03"}
    with desk.database.begin() as work:  # the control
        before = scans(work.conn)
        store.totals_of(work.conn, "sandun")
        assert (scans(work.conn) - before).keys() > {"totals_other", "totals_2025_06", *scanned}


def scans(conn: Connection) -> Counter[str]:
    """How often this connection scanned each partition, of late."""
    seen = text(
        "SELECT relname, coalesce(seq_scan, 0) + coalesce(idx_scan, 0) FROM pg_stat_xact_user_tables"
        " WHERE relname LIKE 'totals_%'"
    )
    return Counter({name: count for name, count in conn.execute(seen) if count})


def test_the_migration_keeps_what_is_there(database_url: Databases) -> None:
    url = database_url()
    engine = create_engine(url)
    with engine.begin() as conn:
        conn.execute(text("CREATE SCHEMA analytics"))
    migrate.migrate(url, "analytics", SERVICES, "figures")
    with engine.begin() as conn:
        assert conn.execute(text("SELECT to_regclass('analytics.totals_other')")).scalar() is None
        counted = {
            Key("sandun", cut, at, member): {"received": 3, "filed": 1}
            for cut, at, member in (("ever", EPOCH, ""), ("unit", EPOCH, "u"), ("day", MORNING, ""))
        }
        store.add_to_totals(conn, counted)
    engine.dispose()
    migrate.migrate(url, "analytics", SERVICES)
    with as_role(url) as database:
        assert totals(database) == counted
        assert where(database) == {"totals_epoch": 2, "totals_other": 1}
        keep(database)
        assert totals(database) == counted
        assert where(database) == {"totals_epoch": 2, "totals_2026_03": 1}
