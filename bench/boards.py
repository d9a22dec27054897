"""Boards among few and among very many cases: analytics on a database of its own, without a broker."""

import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
from nameko.testing.services import worker_factory

from qipan.access import Principal, Role, Signer, Verifier, new_keys
from qipan.contracts.base import Request
from qipan.contracts.envelope import Envelope
from qipan.contracts.figures import GetFigures, GetLeague
from qipan.contracts.queries import GetBoard
from qipan.hosting.embedded import EmbeddedPostgres
from qipan.ids import new_id
from qipan.messaging.serving import Answering, carry_out
from qipan.storage import Database, migrate
from qipan.tenancy import District, TestClock
from services.analytics import partitions
from services.analytics.league import weights_of
from services.analytics.months import Month
from services.analytics.service import Analytics

NOON = datetime(2025, 12, 30, 4, tzinfo=UTC)
SERVICES = Path("services")
ASKED: dict[str, Request[Any]] = {
    "board": GetBoard(),
    "league": GetLeague(period="last-30-days"),
    "by department": GetFigures(by="department"),
    "by day": GetFigures(every="day"),
}
BOARDS = ("board", "league")
"""Whose rows are as many with few cases as with many. By department there is a row for each day on which a department
had any case: with few cases there are fewer of them, with many never more than departments and days."""

_METHODS = {"board.get.v1": "get_board", "league.get.v1": "get_league", "figures.get.v1": "get_figures"}

_CASES = """
INSERT INTO analytics.case_states (tenant, case_id, version, stage, department, matter, cell, channel, filed_at,
    dispose_due_at, disposed_at, closed_at, offers, returns, reworks, unit)
SELECT (%(towns)s::text[])[1 + n %% cardinality(%(towns)s::text[])], 'c' || n, 5, 'closed', 'd' || n %% 7,
    's:0600' || n %% 9, 'cell' || n %% 101, 'app', at, at + interval '4 hours', at + interval '3 hours',
    at + interval '5 hours', 1, 0, 0, 'u' || n %% 23
FROM (SELECT n, timestamptz '2025-01-01' + n * %(step)s AS at FROM generate_series(1, %(cases)s) AS n) AS made
"""
_DAY = "date_trunc('day', filed_at + interval '8 hours') - interval '8 hours'"
_HOUR = "date_trunc('hour', filed_at)"
_CUTS = {
    "hour": (_HOUR, "''"),
    "day": (_DAY, "''"),
    "ever": ("timestamptz 'epoch'", "''"),
    "department": (_DAY, "department"),
    "matter": (_DAY, "matter"),
    "cell": (_DAY, "cell"),
    "channel": (_DAY, "channel"),
    "unit": ("timestamptz 'epoch'", "unit"),
}
_TOTALS = """
INSERT INTO analytics.totals
    (tenant, cut, bucket, member, received, filed, offers, dispatched, disposed, on_time, closed)
SELECT tenant, '{cut}', {bucket}, {member}, count(*), count(*), count(*), count(*), count(*), count(*), count(*)
FROM analytics.case_states GROUP BY 1, 2, 3, 4
"""


def compare(
    postgres: EmbeddedPostgres, district: District, few: int, many: int, rounds: int
) -> dict[str, Any]:
    """Milliseconds of each board with few and with many cases of a year, by turns; `ratio` the boards' larger."""
    with _desk(postgres, district, few) as small, _desk(postgres, district, many) as large:
        found: dict[str, Any] = {}
        for name, request in ASKED.items():
            times: list[tuple[float, float]] = []
            for one in range(rounds + 3):
                both = small(request), large(request)
                if one >= 3:
                    times.append(both)
            medians = [statistics.median(side) * 1000 for side in zip(*times, strict=True)]
            found[name] = {
                "few_ms": round(medians[0], 2),
                "many_ms": round(medians[1], 2),
                "ratio": round(medians[1] / medians[0], 3),
            }
    return {"few": few, "many": many, "ratio": max(found[name]["ratio"] for name in BOARDS), **found}


@contextmanager
def _desk(postgres: EmbeddedPostgres, district: District, cases: int) -> Iterator[Any]:
    url = postgres.create_database(f"boards_{cases}")
    plain = url.replace("+psycopg", "")
    with psycopg.connect(plain, autocommit=True) as conn:
        conn.execute("CREATE SCHEMA analytics")
    migrate.migrate(url, "analytics", SERVICES)
    database = Database(url, schema="analytics", clocks=TestClock(NOON))
    for number in range(1, 13):
        partitions.make(database, Month(NOON.year, number))
    with psycopg.connect(plain, autocommit=True) as conn:
        conn.execute("SET statement_timeout = 0")
        towns = [town.id for town in district.towns]
        conn.execute(
            _CASES,
            {"towns": towns, "cases": cases, "step": (NOON - datetime(2025, 1, 1, tzinfo=UTC)) / cases},
        )
        for cut, (bucket, member) in _CUTS.items():
            conn.execute(_TOTALS.format(cut=cut, bucket=bucket, member=member))  # type: ignore[arg-type]
        conn.execute("VACUUM ANALYZE analytics.case_states, analytics.totals")
    signing, verifying = new_keys()
    service = worker_factory(Analytics, db=database, district=district, weights=weights_of(district))
    process: Any = SimpleNamespace(
        service="analytics", district=district, database=database, verifier=Verifier(verifying)
    )
    roles = frozenset({Role.SUPERVISOR})
    token = Signer(signing).token(Principal(sub="bench", name="", tenant=district.id, roles=roles), 3600)

    def ask(request: Request[Any]) -> float:
        envelope: Any = Envelope[type(request)](  # type: ignore[misc]
            id=new_id(), type=request.type, source="bench", tenant=district.id, principal=token, data=request
        )
        method = getattr(service, _METHODS[request.type])
        began = time.perf_counter()
        carry_out(process, {request.type: Answering(type(request), method)}, envelope)
        return time.perf_counter() - began

    try:
        yield ask
    finally:
        database.close()
