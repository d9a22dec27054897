"""Storage on a real PostgreSQL: group commit, timers, transactions, and greenlets that do not block."""

import subprocess
import sys
import threading
import traceback
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import MetaData, create_engine, event, text
from sqlalchemy.exc import DBAPIError

from qipan.contracts.errors import OutboxFull
from qipan.contracts.events import ReadingObserved
from qipan.messaging.timer_loop import TimerLoop
from qipan.storage import Database, Timer, Work, core_tables
from qipan.storage import database as pooled
from qipan.storage.database import is_passing
from qipan.storage.group_commit import GroupCommit
from qipan.storage.provision import provision, service_url
from qipan.tenancy.clocks import Clock, Clocks
from qipan.testing import Databases
from tests.contract.golden_samples import data

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
EVENT = ReadingObserved.model_validate(data(ReadingObserved))


def build(url: str) -> None:
    engine = create_engine(url)
    with engine.begin() as conn:
        conn.execute(text("CREATE SCHEMA dispatch"))
        metadata = MetaData(schema="dispatch")
        core_tables(metadata)
        metadata.create_all(conn)
        conn.execute(text("CREATE TABLE dispatch.things (tenant text, id text, PRIMARY KEY (tenant, id))"))
        conn.execute(text("CREATE TABLE dispatch.fired (tenant text, ref text)"))
    engine.dispose()


@pytest.fixture
def database(database_url: Databases) -> Iterator[Database]:
    clocks = Clocks({"sandun": Clock(NOON + timedelta(hours=1), datetime.now(UTC))})
    database = Database(database_url(build), schema="dispatch", clocks=clocks)
    yield database
    database.close()


def _insert(work: Work, items: Sequence[str]) -> Sequence[str]:
    work.conn.execute(text("INSERT INTO dispatch.things VALUES ('sandun', :id)"), [{"id": i} for i in items])
    return [item.upper() for item in items]


def _count(database: Database, table: str) -> int:
    with database.begin() as work:
        return int(work.conn.execute(text(f"SELECT count(*) FROM dispatch.{table}")).scalar_one())


def test_group_commit_gives_each_request_its_own_result(database: Database) -> None:
    commits = GroupCommit(database, _insert)
    with ThreadPoolExecutor(20) as pool:
        results = list(pool.map(lambda n: commits.submit(f"a{n}").result(20), range(200)))
    commits.close()
    assert results == [f"A{n}" for n in range(200)]
    assert _count(database, "things") == 200


def test_group_commit_lets_a_bad_request_fail_alone(database: Database) -> None:
    gate = threading.Event()

    def slow(work: Work, items: Sequence[str]) -> Sequence[str]:
        gate.wait(10)
        return _insert(work, items)

    commits = GroupCommit(database, slow)
    futures = [commits.submit(name) for name in ("first", "same", "same", "last")]
    gate.set()
    outcomes = [future.exception(20) for future in futures]
    commits.close()
    assert [outcome is None for outcome in outcomes] == [True, True, False, True]
    assert _count(database, "things") == 3


def test_group_commit_fails_at_once_while_the_database_is_away(database: Database, postgres: Any) -> None:
    commits = GroupCommit(database, _insert)
    assert commits.submit("before").result(20) == "BEFORE"
    postgres.kill()
    error = commits.submit("during").exception(30)
    assert error is not None
    assert is_passing(error)
    postgres.restart()
    assert commits.submit("after").result(30) == "AFTER"  # the dead connection in the pool is noticed
    commits.close()
    assert _count(database, "things") == 2


def test_a_database_that_hangs_costs_everybody_who_waits_one_time_out(database: Database) -> None:
    """Not one for each batch: the last of two hundred would wait for a minute."""
    times = 0

    def hang(_work: Work, _items: Sequence[str]) -> Sequence[str]:
        nonlocal times
        times += 1
        gate.wait(10)
        raise TimeoutError("no answer")

    gate = threading.Event()
    commits = GroupCommit(database, hang)
    futures = [commits.submit(str(number)) for number in range(200)]
    gate.set()
    assert all(isinstance(future.exception(20), TimeoutError) for future in futures)
    commits.close()
    assert times <= 2


def _insert_and_tell(database: Database) -> None:
    with database.begin() as work:
        _insert(work, ["a thing"])
        work.publish(EVENT, tenant="sandun")


def test_a_full_outbox_takes_nothing_and_what_would_have_filled_it_is_undone(
    database_url: Databases,
) -> None:
    """Whoever writes: a consumer's batch goes back to its queue, for it is not the messages' fault."""
    small = Database(database_url(build), schema="dispatch", clocks=Clocks.real(), outbox_limit=2)
    for _ in range(3):
        with small.begin() as work:
            work.publish(EVENT, tenant="sandun")
    small.room._next_look = 0.0
    with pytest.raises(OutboxFull) as refused:
        _insert_and_tell(small)
    assert is_passing(refused.value)
    assert _count(small, "things") == 0
    with small.begin() as work:
        _insert(work, ["nothing to tell of"])
    assert _count(small, "things") == 1
    small.close()


def test_timers_fire_once_whichever_replica_fires_them(database: Database) -> None:
    with database.begin() as work:
        for number in range(1000):
            work.set_timer(tenant="beishan", kind="due", ref=str(number), due_at=NOON - timedelta(hours=1))

    def fire(work: Work, due: Sequence[Timer]) -> None:
        rows = [{"tenant": t.tenant, "ref": t.ref} for t in due]
        work.conn.execute(text("INSERT INTO dispatch.fired VALUES (:tenant, :ref)"), rows)

    loops = [TimerLoop(database, Clocks.real(), {"due": fire}) for _ in range(3)]
    threads = [threading.Thread(target=loop.run) for loop in loops]
    for thread in threads:
        thread.start()
    while _count(database, "timers"):
        pass
    for loop in loops:
        loop.stop()
    for thread in threads:
        thread.join()
    with database.begin() as work:
        counts = work.conn.execute(text("SELECT count(*), count(DISTINCT ref) FROM dispatch.fired")).one()
    assert tuple(counts) == (1000, 1000)


def test_timers_go_by_their_own_tenants_clock(database: Database) -> None:
    with database.begin() as work:
        for tenant in ("sandun", "beishan"):
            work.set_timer(tenant=tenant, kind="due", ref="c1", due_at=NOON + timedelta(minutes=30))
    fired: list[str] = []
    at_noon = Clock(NOON, datetime.now(UTC))
    an_hour_on = Clock(NOON + timedelta(hours=1), datetime.now(UTC))
    clocks = Clocks({"*": at_noon, "sandun": an_hour_on})
    loop = TimerLoop(database, clocks, {"due": lambda _, due: fired.extend(timer.tenant for timer in due)})
    loop.look()
    assert fired == ["sandun"]


def test_while_a_tenant_keeps_its_timers_the_core_leaves_them_and_fires_them_when_it_is_gone(
    database: Database,
) -> None:
    def due(ref: str) -> None:
        with database.begin() as work:
            work.set_timer(tenant="sandun", kind="due", ref=ref, due_at=NOON)

    def lapse() -> None:
        with database.begin() as work:
            work.conn.execute(text("UPDATE dispatch.timer_keepers SET until = now() - interval '1 second'"))

    fired: list[tuple[str, str]] = []

    def loop(who: str, tenant: str | None = None, kind: str = "due") -> TimerLoop:
        def fire(work: Work, due: Sequence[Timer]) -> None:
            fired.extend((who, timer.ref) for timer in due)

        return TimerLoop(database, Clocks.real(), {kind: fire}, tenant, who)

    core, own, other = loop("core"), loop("own", "sandun"), loop("other", "sandun", kind="another kind")
    own.look()
    other.look()
    due("kept")
    core.look()
    assert fired == []
    own.look()
    assert fired == [("own", "kept")]
    due("lapsed")
    lapse()
    core.look()
    own_again = loop("own again", "sandun")
    own_again.look()
    due("kept again")
    core.look()
    assert fired[1:] == [("core", "lapsed")]
    leaving = threading.Thread(target=own_again.run)
    leaving.start()
    own_again.stop()
    leaving.join()
    core.look()
    assert fired[2:] == [("core", "kept again")]


def test_a_failing_timer_is_kept_and_holds_up_no_other(database: Database) -> None:
    with database.begin() as work:
        for number in range(5):
            work.set_timer(tenant="beishan", kind="due", ref=str(number), due_at=NOON)
    fired: list[str] = []

    def fire(work: Work, due: Sequence[Timer]) -> None:
        if any(timer.ref == "2" for timer in due):
            raise ValueError("this one cannot be")
        fired.extend(timer.ref for timer in due)

    TimerLoop(database, Clocks.real(), {"due": fire}).look()
    assert sorted(fired) == ["0", "1", "3", "4"]
    assert _count(database, "timers") == 1


def test_a_timer_that_always_takes_too_long_is_put_off_and_holds_up_no_other(database: Database) -> None:
    with database.begin() as work:
        for number in range(8):
            work.set_timer(tenant="beishan", kind="due", ref=str(number), due_at=NOON)
    tries: list[int] = []

    def fire(work: Work, due: Sequence[Timer]) -> None:
        tries.append(len(due))
        if any(timer.ref == "5" for timer in due):
            work.conn.execute(text("SET LOCAL statement_timeout = '20ms'"))
            work.conn.execute(text("SELECT pg_sleep(5)"))

    TimerLoop(database, Clocks.real(), {"due": fire}).look()
    assert tries == [8, 4, 4, 2, 1, 1, 2]
    with database.begin() as work:
        assert work.conn.execute(text("SELECT ref FROM dispatch.timers")).scalars().all() == ["5"]


def test_timers_that_cannot_be_read_are_looked_at_again(database: Database) -> None:
    with database.begin() as work:
        work.set_timer(tenant="beishan", kind="due", ref="1", due_at=NOON)
    with database.begin() as work:
        work.conn.execute(text("ALTER TABLE dispatch.timers RENAME TO elsewhere"))
    fired: list[str] = []
    loop = TimerLoop(
        database, Clocks.real(), {"due": lambda _, due: fired.extend(timer.ref for timer in due)}
    )
    loop.look()
    with database.begin() as work:
        work.conn.execute(text("ALTER TABLE dispatch.elsewhere RENAME TO timers"))
    loop.look()
    assert fired == ["1"]


def test_one_statement_looks_for_the_timers_of_every_kind(database: Database) -> None:
    fired: list[str] = []
    kinds = [f"kind{n}" for n in range(9)]
    loop = TimerLoop(
        database, Clocks.real(), {kind: lambda _, due: fired.extend(t.kind for t in due) for kind in kinds}
    )
    said: list[str] = []
    event.listen(
        database.engine,
        "before_cursor_execute",
        lambda _c, _cursor, statement, *_rest: said.append(statement),
    )
    loop.look()
    assert len(said) == 1
    with database.begin() as work:
        for kind in ("kind7", "kind2"):
            work.set_timer(tenant="beishan", kind=kind, ref="a", due_at=NOON - timedelta(hours=1))
    said.clear()
    loop.look()
    assert fired == ["kind2", "kind7"]
    assert len(said) == 3


def test_setting_a_timer_again_moves_it_and_cancelling_forgets_it(database: Database) -> None:
    with database.begin() as work:
        work.set_timer(tenant="sandun", kind="due", ref="c1", due_at=NOON)
        work.set_timer(tenant="sandun", kind="due", ref="c1", due_at=NOON + timedelta(hours=1))
    with database.begin() as work:
        due = work.conn.execute(text("SELECT due_at FROM dispatch.timers")).scalar_one()
        assert due == NOON + timedelta(hours=1)
        work.cancel_timers("sandun", "c1")
    assert _count(database, "timers") == 0


def test_a_statement_cannot_take_for_ever(database: Database) -> None:
    with database.begin() as work:
        work.conn.execute(text("SET LOCAL statement_timeout = '50ms'"))
        with pytest.raises(DBAPIError, match="statement timeout"):
            work.conn.execute(text("SELECT pg_sleep(5)"))
        work.conn.rollback()


def test_an_errors_text_holds_no_data_however_it_is_written_down(database: Database) -> None:
    secret = "13800001111"
    refused = {
        "INSERT INTO dispatch.things VALUES ('sandun', :it), ('sandun', :it)": "23505",  # Key (…) already exists
        "INSERT INTO dispatch.things SELECT NULL, CAST(:it AS text)": "23502",  # Failing row contains (…)
        "SELECT CAST('x' || CAST(:it AS text) AS integer)": "22P02",  # invalid input syntax: "…"
    }
    for statement, state in refused.items():
        with pytest.raises(DBAPIError) as raised, database.begin() as work:
            work.conn.execute(text(statement), {"it": secret})
        written = "".join(traceback.format_exception(raised.value))
        assert secret not in written
        assert f"{state}: " in str(raised.value)
        assert f"{state}: " in written


def test_a_connection_that_died_while_it_rested_is_not_handed_out(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def end_the_pooled_one() -> None:
        with database.engine.connect() as conn:
            pid = conn.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
        other = create_engine(database.engine.url)
        with other.connect() as conn:
            assert conn.exec_driver_sql("SELECT pg_terminate_backend(%s, 5000)", (pid,)).scalar_one()
        other.dispose()

    monkeypatch.setattr(pooled, "RESTED_SECONDS", 0.0)
    end_the_pooled_one()
    assert _count(database, "things") == 0
    monkeypatch.setattr(pooled, "RESTED_SECONDS", 60.0)
    end_the_pooled_one()
    with pytest.raises(DBAPIError) as raised:  # the control: one that is believed to be busy is not asked
        _count(database, "things")
    assert is_passing(raised.value)
    assert _count(database, "things") == 0


def test_a_connection_that_only_reads_leaves_the_pool(database: Database) -> None:
    insert = text("INSERT INTO dispatch.things VALUES ('sandun', 'a')")
    with database.engine.connect() as conn:
        conn.execute(text("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY"))
        conn.commit()
        with pytest.raises(DBAPIError) as raised:
            conn.execute(insert)
    assert is_passing(raised.value)
    with database.begin() as work:  # on another connection: the first was to stay as it was set
        work.conn.execute(insert)
    assert _count(database, "things") == 1


def test_a_service_sees_its_own_schema_and_no_other(database_url: Databases) -> None:
    admin = database_url()
    provision(admin, "secret")
    provision(admin, "secret")  # safe to run again
    engine = create_engine(service_url(admin, "gateway", "secret"))
    with engine.begin() as conn:
        conn.execute(text("CREATE TABLE gateway.accounts (id int)"))
    for statement in (
        "SELECT * FROM dispatch.things",
        "CREATE TABLE dispatch.mine (id int)",
        "CREATE ROLE x",
    ):
        with pytest.raises(DBAPIError, match="permission denied"), engine.begin() as conn:
            conn.execute(text(statement))
    engine.dispose()


GREEN = """
import qipan.hosting.service_main  # as every service begins
import eventlet, sys, time
from qipan.storage.database import make_engine
engine = make_engine(sys.argv[1], pool_size=10)
pool = eventlet.GreenPool(10)
def nap(_):
    with engine.connect() as conn:
        conn.exec_driver_sql("SELECT pg_sleep(0.3)")
list(pool.imap(nap, range(10)))  # connect first
started = time.monotonic()
list(pool.imap(nap, range(10)))
print(time.monotonic() - started)
"""


def test_psycopg_does_not_block_other_greenlets(database_url: Databases) -> None:
    """Ten naps of 0.3 s take far less than 3 s when greenlets wait side by side, and 3 s when they cannot."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", GREEN, database_url()],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    side_by_side = float(done.stdout)
    one_by_one = 10 * 0.3
    assert side_by_side < one_by_one / 2
