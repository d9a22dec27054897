"""What partitions by month cost the statement that adds to the totals, and boards: `python -m bench.months`.

Two databases of one server, the totals in one table and in months, both with a year's rows; the same batches and the
same questions by turns, each measured by the CPU of the backend that does it (Linux).
"""

import random
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
from sqlalchemy import Connection

from qipan.hosting.embedded import EmbeddedPostgres
from qipan.storage import Database, migrate
from qipan.tenancy import TestClock
from services.analytics import partitions, readings, store
from services.analytics.board import Period
from services.analytics.facts import CaseFacts
from services.analytics.months import AHEAD, Month
from services.analytics.totals import Totals, add, change

SERVICES = Path("services")
ZONE = "Asia/Shanghai"
NOW = datetime(2026, 3, 20, 2, tzinfo=UTC)
TOWNS = [f"t{number}" for number in range(12)]
MESSAGES = 200
BACK = 24
"""Months that are kept; rows there are of twelve."""
LIFE = ("filed", "offered", "accepted", "disposed", "inspected", "closed")
DEPARTMENTS, MATTERS, CELLS, UNITS = 7, 40, 101, 23

_YEAR = """
INSERT INTO analytics.totals (tenant, cut, bucket, member, received, filed, closed)
SELECT tenant, cut, %(now)s - '10 hours'::interval - n * every, member || m, 1, 1, 1
FROM unnest(%(towns)s::text[]) AS tenant, (VALUES ('hour', '1 hour'::interval, '', 1, 8760),
    ('day', '1 day', '', 1, 365), ('department', '1 day', 'd', 7, 365), ('matter', '1 day', 's:06', 40, 365),
    ('cell', '1 day', 'cell', 101, 365), ('channel', '1 day', 'c', 3, 365)) AS c(cut, every, member, most, times),
    generate_series(1, times) AS n, generate_series(1, most) AS m
"""


def batches() -> Iterator[Totals]:
    """What each batch of messages changes: cases of twelve towns, filed over days, each step of their lives."""
    dice = random.Random(1)
    cases: list[CaseFacts] = []
    now, filed = NOW, 0
    while True:
        deltas: Totals = {}
        for _ in range(MESSAGES):
            now += timedelta(seconds=dice.choice((0.3, 0.5, 30)))
            if len(cases) < 3000 or dice.random() < 1 / len(LIFE):
                filed += 1
                old, new = None, _filed(dice, filed, now - timedelta(minutes=dice.randrange(4000)))
            else:
                old = cases.pop(dice.randrange(len(cases)))
                new = _stepped(old, now)
            add(deltas, new.tenant, ZONE, change(old, new))
            if new.stage != LIFE[-1]:
                cases.append(new)
        yield deltas


def _filed(dice: random.Random, number: int, at: datetime) -> CaseFacts:
    return CaseFacts(
        dice.choice(TOWNS),
        f"c{number}",
        1,
        LIFE[0],
        f"d{dice.randrange(DEPARTMENTS)}",
        f"s:06{dice.randrange(MATTERS)}",
        f"cell{dice.randrange(CELLS)}",
        dice.choice(("app", "hotline", "grid")),
        at,
        at + timedelta(hours=4),
        None,
        None,
        0,
        0,
        0,
        None,
        due_at=at + timedelta(hours=1),
    )


def _stepped(case: CaseFacts, now: datetime) -> CaseFacts:
    stage = LIFE[LIFE.index(case.stage) + 1]
    stepped = replace(case, version=case.version + 1, stage=stage, unit=f"u{len(case.case_id) % UNITS}")
    match stage:
        case "offered":
            return replace(stepped, dispatched_at=now, offers=1)
        case "disposed":
            return replace(stepped, disposed_at=now, work_minutes=60)
        case "inspected":
            return replace(stepped, inspected_at=now)
        case "closed":
            return replace(stepped, closed_at=now)
    return stepped


def measured(rounds: int, say: Callable[[str], None]) -> None:
    """Say what each costs, in ms of CPU: one table, months, their ratio."""
    with ExitStack() as stack:
        base = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="qipan-months-")))
        base.chmod(0o711)
        server = stack.enter_context(EmbeddedPostgres(base, ephemeral=True))
        databases = [_database(server, name) for name in ("figures", "head")]
        conns = [stack.enter_context(database.engine.connect()) for database in databases]
        source, rows = batches(), 0
        pairs: list[tuple[float, ...]] = []
        for number in range(rounds):
            deltas = next(source)
            rows += len(deltas)
            pairs.append(
                _by_turns(conns, number, lambda conn, given=deltas: store.add_to_totals(conn, given))
            )
        _say(say, f"adding {rows // rounds} rows", pairs[rounds // 4 :])
        lately = Period.until(NOW, 30, ZONE)
        questions: dict[str, Callable[[Connection], object]] = {
            "a board": lambda conn: _board(conn, lately, in_months=conn is conns[1]),
            "by department and day": lambda conn: readings.days_of(
                conn, TOWNS, "department", "filed", lately.start, lately.today
            ),
        }
        for name, ask in questions.items():
            _say(say, name, [_by_turns(conns, number, ask) for number in range(max(rounds // 2, 60))][10:])
        for conn in conns:
            conn.close()
        for database in databases:
            database.close()


def _board(conn: Connection, lately: Period, *, in_months: bool) -> None:
    """What the board of a district reads."""
    if in_months:
        readings.plan_once(conn)
    readings.by_tenant(conn, TOWNS, lately)
    readings.by_hour(conn, TOWNS, lately)
    readings.ever(conn, TOWNS)
    readings.load(conn, TOWNS)


def _database(server: EmbeddedPostgres, revision: str) -> Database:
    url = server.create_database(f"months_{revision}")
    plain = url.replace("+psycopg", "")
    with psycopg.connect(plain, autocommit=True) as conn:
        conn.execute("CREATE SCHEMA analytics")
    migrate.migrate(url, "analytics", SERVICES, revision)
    database = Database(url, schema="analytics", clocks=TestClock(NOW), pool_size=1)
    if revision == "head":
        for months in range(-BACK, AHEAD + 1):
            partitions.make(database, Month.of(NOW).plus(months))
    with psycopg.connect(plain, autocommit=True) as conn:
        conn.execute("SET statement_timeout = 0")
        conn.execute(_YEAR, {"now": NOW, "towns": TOWNS})
        conn.execute("VACUUM ANALYZE analytics.totals")
    return database


def _by_turns(
    conns: list[Connection], number: int, work: Callable[[Connection], object]
) -> tuple[float, float]:
    found = [0.0, 0.0]
    for side in (0, 1) if number % 2 else (1, 0):
        conn = conns[side]
        pid = conn.connection.dbapi_connection.info.backend_pid  # type: ignore[union-attr]
        before = _cpu(pid)
        work(conn)
        found[side] = _cpu(pid) - before
        conn.commit()
    return found[0], found[1]


def _cpu(pid: int) -> float:
    """Milliseconds of CPU that a process has used."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e6


def _say(say: Callable[[str], None], what: str, pairs: list[tuple[float, ...]]) -> None:
    one, months = (list(side) for side in zip(*pairs, strict=True))
    mean, median = ((f(one), f(months), f(months) / f(one)) for f in (statistics.mean, statistics.median))
    paired = statistics.median(b / a for a, b in pairs)
    say(
        f"{what}: mean {mean[0]:.2f} {mean[1]:.2f} {mean[2]:.3f}, median {median[0]:.2f} {median[1]:.2f}"
        f" {median[2]:.3f}, of pairs {paired:.3f}"
    )


if __name__ == "__main__":
    measured(int(sys.argv[1]) if len(sys.argv) > 1 else 600, lambda line: print(line, flush=True))
