"""Very many cases written into dispatch's tables by PostgreSQL itself, as if they had been filed and closed."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import cycle, islice

import psycopg

from qipan.contracts.case import CaseState, Place, Stage
from services.dispatch.words import entries

TOWNS = tuple(f"t{number}" for number in range(12))
BEGIN = datetime(2025, 1, 1, tzinfo=UTC)
YEAR = timedelta(days=365)
OPEN_ONE_IN = 8
KINDS = 2999
DEPARTMENTS, UNITS, WORKERS = 7, 23, 241  # no common factors: everything meets everything

_WHAT = (
    "暴露垃圾",
    "道路破损",
    "井盖缺失",
    "路灯不亮",
    "机动车乱停放",
    "占道经营",
    "违规广告",
    "施工扬尘",
    "渣土撒漏",
)
_WHERE = "东南西北前后左右上下里外旁边路口桥头河边店门小区单元楼道花坛车站学校医院公园市场广场"
_OPEN = ("filed", "offered", "accepted", "returned", "disposed", "inspected", "rework")


def fill(conn: psycopg.Connection, count: int, *, first: int = 1, towns: Sequence[str] = TOWNS) -> None:
    """Cases number `first` to `first + count - 1`, spread over the towns and one year; one in `OPEN_ONE_IN` is open.

    Ends with what a database does of itself after such a load: statistics, and no entries pending in an index.
    """
    kinds = min(KINDS, max(1, count // 30))
    span = {
        "first": first,
        "last": first + count - 1,
        "begin": BEGIN,
        "step": YEAR / count,
        "kinds": kinds,
        "open": list(_OPEN),
        "towns": len(towns),
    }
    with conn.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")
        cursor.execute("SET LOCAL maintenance_work_mem = '512MB'")
        indexes = cursor.execute(_INDEXES).fetchall()
        for name, _ in indexes:
            cursor.execute(f"DROP INDEX dispatch.{name}")
        cursor.execute(_KINDS, [list(column) for column in zip(*_kinds(kinds), strict=True)])
        cursor.execute("CREATE UNIQUE INDEX ON kinds (k)")
        cursor.execute(_TOWNS, [list(towns)])
        cursor.execute(_WORDS)
        cursor.execute("CREATE UNIQUE INDEX ON words (k, tenant)")
        cursor.execute("ANALYZE kinds, towns, words")
        for statement in (_CASES, _FINDABLE, _HISTORY, _TASKS, _CLOCKS):
            cursor.execute(statement, span)
        for _, definition in indexes:
            cursor.execute(definition)
    conn.commit()
    conn.autocommit = True
    conn.execute("SET statement_timeout = 0")
    conn.execute(
        "VACUUM ANALYZE dispatch.cases, dispatch.findable, dispatch.history, dispatch.tasks, dispatch.clocks"
    )
    conn.autocommit = False


def _kinds(count: int) -> list[tuple[int, float, float, str, str, str]]:
    """What the cases are about: each kind with its place, its words and its public state."""
    chance = random.Random(11)
    found = []
    for number, what in enumerate(islice(cycle(_WHAT), count)):
        lon, lat = round(120 + chance.random() * 0.2, 6), round(30 + chance.random() * 0.3, 6)
        cell = f"cell{chance.randrange(1200)}"
        case = CaseState(
            case_id="",
            report_id="",
            tenant="",
            version=5,
            stage=Stage.CLOSED,
            matter=f"s:0{6 + number % 4}{number % 40:03d}",
            place=Place(lon=lon, lat=lat, cells={"duty": cell, "town": "town"}),
            summary=f"{''.join(chance.sample(_WHERE, 12))}，{what}，请派人处理",
            channel="app",
            received_at=BEGIN,
            filed_at=BEGIN,
            evidence=("photo://0195f0a0-0000-7000-8000-000000000001",),
            stage_times=dict.fromkeys(Stage, BEGIN),
        )
        words = "\n".join(entry.removeprefix("/") for entry in entries(case))
        found.append((number, lon, lat, cell, words, case.model_dump_json()))
    return found


_INDEXES = """
SELECT indexname, indexdef FROM pg_indexes
WHERE schemaname = 'dispatch' AND tablename IN ('cases', 'findable') AND indexdef NOT LIKE 'CREATE UNIQUE%%'
"""
_KINDS = """
CREATE TEMP TABLE kinds ON COMMIT DROP AS
SELECT * FROM unnest(%s::int[], %s::float8[], %s::float8[], %s::text[], %s::text[], %s::jsonb[])
    AS k(k, lon, lat, cell, words, state)
"""
_TOWNS = """
CREATE TEMP TABLE towns ON COMMIT DROP AS
SELECT town - 1 AS town, tenant FROM unnest(%s::text[]) WITH ORDINALITY AS t(tenant, town)
"""
_WORDS = """
CREATE TEMP TABLE words ON COMMIT DROP AS
SELECT k, tenant, array_to_tsvector(
           array(SELECT DISTINCT tenant || '/' || w FROM unnest(string_to_array(words, E'\\n')) AS w)) AS v
FROM kinds, towns
"""
_CASES = f"""
INSERT INTO dispatch.cases (tenant, id, report_id, version, stage, unit_tenant, unit, worker, department, cells,
                            due_at, filed_at, limits, state)
SELECT tenant, id, 'r' || id, 5, stage, CASE WHEN department = 'd1' THEN 'd1' ELSE tenant END, unit, worker,
       department, ARRAY[cell, 'town'], due_at, at, '{{}}',
       state || jsonb_build_object('case_id', id, 'report_id', 'r' || id, 'tenant', tenant, 'stage', stage,
           'unit', unit, 'worker', worker, 'department', department, 'filed_at', at, 'due_at', due_at,
           'summary', (state ->> 'summary') || n)
FROM (
    SELECT n, tenant, md5(n::text)::uuid::text AS id, state, cell, at, stage,
           'd' || o %% {DEPARTMENTS} AS department, 'u' || o %% {UNITS} AS unit,
           CASE WHEN stage NOT IN ('filed', 'returned') THEN 'w' || o %% {WORKERS} END AS worker,
           CASE WHEN stage NOT IN ('closed', 'voided') THEN at + interval '3 days' END AS due_at
    FROM (
        SELECT n, n / %(towns)s AS o, tenant, state, cell, %(begin)s + (n - %(first)s) * %(step)s::interval AS at,
               CASE WHEN n / %(towns)s %% {OPEN_ONE_IN} = 0
                    THEN (%(open)s::text[])[n / (%(towns)s * {OPEN_ONE_IN}) %% {len(_OPEN)} + 1]
                    WHEN n %% 1009 = 0 THEN 'voided' ELSE 'closed' END AS stage
        FROM generate_series(%(first)s::int, %(last)s::int) AS n
        JOIN kinds ON k = n %% %(kinds)s JOIN towns ON town = n %% %(towns)s
    ) AS drawn
) AS filed
"""
_FINDABLE = """
INSERT INTO dispatch.findable (tenant, id, lon, lat, words)
SELECT tenant, md5(n::text)::uuid::text, lon, lat, v || array_to_tsvector(ARRAY[tenant || '/t' || n])
FROM generate_series(%(first)s::int, %(last)s::int) AS n
JOIN kinds ON kinds.k = n %% %(kinds)s
JOIN towns ON town = n %% %(towns)s
JOIN words USING (k, tenant)
"""
_FILED = """
FROM (SELECT n, tenant, md5(n::text)::uuid::text AS id, %(begin)s + (n - %(first)s) * %(step)s::interval AS at
      FROM generate_series(%(first)s::int, %(last)s::int) AS n JOIN towns ON town = n %% %(towns)s) AS filed
"""
_HISTORY = f"""
INSERT INTO dispatch.history (tenant, case_id, version, at, what, who, message_id, detail)
SELECT tenant, id, 1, at, 'file', 'system', id, '{{"why": "sweep has the least to do"}}' {_FILED}
"""
_TASKS = f"""
INSERT INTO dispatch.tasks (tenant, id, case_id, unit, worker, status, offered_at, changed_at)
SELECT tenant, id || '.1', id, 'u1', 'w1', 'passed', at, at {_FILED}
"""
_CLOCKS = f"""
INSERT INTO dispatch.clocks (tenant, case_id, version, clock, started_at, due_at, ended_at)
SELECT tenant, id, 1, 'accept', at, at, at {_FILED}
"""
