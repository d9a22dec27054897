"""The totals' partitions on a real database: made ahead and filled, read by themselves alone, closed, and dropped."""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
from case_samples import EVENT_OF, MORNING, case, triaged
from nameko.testing.services import worker_factory
from projection_desk import ROOT, Projection, analytics, build_analytics, told, xihu
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.exc import IntegrityError, ProgrammingError

from qipan.contracts.case import Stage
from qipan.contracts.figures import GetFigures
from qipan.contracts.queries import GetBoard
from qipan.storage import Database, migrate, walls
from qipan.storage.provision import provision, service_url, tenant_url
from qipan.tenancy import TestClock
from qipan.testing import Databases
from services.analytics import partitions, readings, recount, store
from services.analytics.board import Period
from services.analytics.league import weights_of
from services.analytics.months import AHEAD, Month
from services.analytics.service import Analytics
from services.analytics.totals import EPOCH, Cut, Key

SERVICES = ROOT / "services"
SECRET = "of this test"
MARCH = Month(2026, 3)
ANSWERS = {GetBoard: "get_board", GetFigures: "get_figures"}


@pytest.fixture
def desk(database_url: Databases) -> Iterator[Projection]:
    """Analytics whose months are not made yet."""
    desk = analytics(database_url(build_analytics), TestClock(MORNING), ANSWERS)
    yield desk
    desk.database.close()


@pytest.fixture
def walled(database_url: Databases) -> str:
    """An administrator's URL: analytics with its roles and walls."""
    url = database_url()
    provision(url, SECRET, tenants=("sandun", "wenxin"))
    core = service_url(url, "analytics", SECRET)
    migrate.migrate(core, "analytics", SERVICES)
    walls.raise_walls(core, "analytics", SERVICES / "analytics")
    return url


@contextmanager
def as_role(url: str) -> Iterator[Database]:
    database = Database(url, schema="analytics", clocks=TestClock(MORNING), pool_size=2)
    try:
        yield database
    finally:
        database.close()


def keep(database: Database, *now: datetime) -> list[Month]:
    """Look again and again, until nothing lacks."""
    done: list[Month] = []
    while made := partitions.keep(database, now or (MORNING,)):
        done += made
    return done


def made(database: Database) -> list[Month]:
    with database.begin() as work:
        return partitions.made(work.conn)


def where(database: Database) -> dict[str, int]:
    """How many rows each partition holds, of those that hold any."""
    with database.begin() as work:
        rows = work.conn.execute(
            text("SELECT tableoid::regclass::text, count(*) FROM analytics.totals GROUP BY 1")
        )
        return {str(name).removeprefix("analytics."): count for name, count in rows}


def put(database: Database, at: datetime, tenant: str = "sandun", received: int = 1) -> Key:
    key = Key(tenant, Cut.HOUR, at, "")
    with database.begin() as work:
        store.add_to_totals(work.conn, {key: {"received": received}})
    return key


def totals(database: Database, tenant: str = "sandun") -> Any:
    with database.begin() as work:
        return store.totals_of(work.conn, tenant)


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


def test_a_tenants_role_reaches_its_rows_through_the_table_and_no_partition_at_all(walled: str) -> None:
    with as_role(service_url(walled, "analytics", SECRET)) as core:
        for tenant in ("sandun", "wenxin"):
            put(core, MORNING, tenant)
        keep(core)
        for tenant in ("sandun", "wenxin"):
            put(core, MORNING - timedelta(days=900), tenant)
    with as_role(tenant_url(walled, "analytics", "sandun", SECRET)) as sandun:
        key = put(sandun, MORNING)  # the hot statement itself, into a month and into the default partition
        put(sandun, MORNING - timedelta(days=900))
        assert totals(sandun)[key] == {"received": 2}
        assert totals(sandun, "wenxin") == {}
        with pytest.raises(ProgrammingError, match="row-level security"):
            put(sandun, MORNING, "wenxin")
        assert reached(sandun) == []


ATTACKS = (
    "SELECT tenant FROM {}",
    "UPDATE {} SET received = received",
    "DELETE FROM {}",
    "INSERT INTO {} VALUES ('sandun', 'hour', '2026-03-05', 'forged')",
    "TRUNCATE {}",
    "ALTER TABLE analytics.totals DETACH PARTITION {}",
    "DROP TABLE {}",
)


def reached(database: Database) -> list[str]:
    """What a role can do to partitions directly."""
    found = []
    for partition in ("totals_epoch", "totals_other", "totals_2026_03"):
        for attack in ATTACKS:
            try:
                with database.begin() as work:
                    done = work.conn.execute(text(attack.format(f"analytics.{partition}")))
                    found += [attack] * done.rowcount
            except ProgrammingError:
                pass
    return found


@pytest.mark.parametrize(
    "opened",
    [
        "ALTER TABLE analytics.totals_2026_03 DISABLE ROW LEVEL SECURITY;"
        "GRANT SELECT ON analytics.totals_2026_03 TO qipan_analytics_of_tenants",
        "GRANT SELECT (tenant) ON analytics.totals_2026_03 TO PUBLIC;"
        "CREATE POLICY all_of_it ON analytics.totals_2026_03 USING (true)",
    ],
)
def test_control_an_opened_partition_is_reached_and_closed_again(walled: str, opened: str) -> None:
    core_url = service_url(walled, "analytics", SECRET)
    with as_role(core_url) as core, as_role(tenant_url(walled, "analytics", "sandun", SECRET)) as sandun:
        put(core, MORNING, "wenxin")
        keep(core)
        assert reached(sandun) == []
        with core.begin() as work:
            for statement in opened.split(";"):
                work.conn.execute(text(statement))
        assert reached(sandun) == [ATTACKS[0]]
        walls.raise_walls(core_url, "analytics", SERVICES / "analytics")
        assert reached(sandun) == []
        assert totals(core, "wenxin") != {}


def test_new_partitions_do_not_make_the_walls_be_raised_again(
    walled: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    core_url = service_url(walled, "analytics", SECRET)
    ran: list[str] = []
    run = walls._run
    monkeypatch.setattr(walls, "_run", lambda conn, lines: run(conn, [*map(noted(ran), lines)]))
    walls.raise_walls(core_url, "analytics", SERVICES / "analytics")
    assert ran == []
    with as_role(core_url) as core:
        keep(core)
        walls.raise_walls(core_url, "analytics", SERVICES / "analytics")
        assert ran == []
        with core.begin() as work:  # the control
            work.conn.execute(text("ALTER TABLE analytics.totals_2026_03 NO FORCE ROW LEVEL SECURITY"))
        walls.raise_walls(core_url, "analytics", SERVICES / "analytics")
        assert ran != []


def noted(ran: list[str]) -> Any:
    def note(statement: str) -> str:
        ran.append(statement)
        return statement

    return note


def test_only_the_cores_role_makes_months(walled: str) -> None:
    def service(url: str, tenant: str | None) -> tuple[Analytics, Database]:
        database = Database(url, schema="analytics", clocks=TestClock(MORNING), pool_size=1)
        made = worker_factory(Analytics, db=database, district=xihu(), weights=weights_of(xihu()))
        made.tenant = tenant
        return made, database

    core_url, town_url = (
        service_url(walled, "analytics", SECRET),
        tenant_url(walled, "analytics", "sandun", SECRET),
    )
    town, towns = service(town_url, "sandun")
    core, cores = service(core_url, None)
    try:
        town.keep_months()
        assert made(cores) == []
        with pytest.raises(ProgrammingError, match="permission denied"):
            keep(towns)
        assert made(cores) == []
        core.keep_months()
        assert made(cores)[0] == MARCH
    finally:
        towns.close()
        cores.close()


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


# `qipan analytics months`, as it is run with the service's own role.


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


def zone_of(tenant: str) -> str:
    return xihu().tenant(tenant).zone


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
