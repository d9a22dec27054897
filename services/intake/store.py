"""Intake's rows: a statement takes a whole batch, so that the number of statements is fixed."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from pydantic_core import to_json
from sqlalchemy import Connection, Row, TextClause, case, select, text, tuple_

from qipan.contracts.case import Place
from qipan.contracts.level import Level
from qipan.contracts.responsible import Responsible
from qipan.storage import arrays
from services.intake.admission import NewReport
from services.intake.duplicates import Said
from services.intake.open311.rows import CHANNEL, Step, record
from services.intake.public_status import ReportStatus
from services.intake.suggestion import Suggestion
from services.intake.tables import SCHEMA, decisions, ratings, reports

MOST_CANDIDATES = 20
"""Open reports looked at in one square, newest first: a bound where very many stand together."""


@dataclass(frozen=True, slots=True)
class Received:
    """A report at the moment it is stored. `received_at` is domain time."""

    report: NewReport
    received_at: datetime
    traceparent: str | None


@dataclass(frozen=True, slots=True)
class Probe:
    """Where to look for earlier reports of a matter: a square, and the box within it and its neighbours."""

    tenant: str
    matter: str
    bucket: int
    west: float
    south: float
    east: float
    north: float
    since: datetime


@dataclass(frozen=True, slots=True)
class Judged:
    """What triage writes into a report's row. `bucket` is set while the report is an open original.

    `place` is the case's, where it is not the report's own. `duplicates`: what it was joined to or may be the same
    as, with the reasons; None leaves what is known.
    """

    tenant: str
    report_id: str
    status: str
    matter: str | None
    cells: Mapping[str, str]
    reason: str
    merged_into: str | None
    bucket: int | None
    triaged_at: datetime
    held_at: datetime | None
    decided_by: str
    place: Place | None = None
    suggestion: Suggestion | None = None
    responsible: Responsible | None = None
    duplicates: Sequence[Mapping[str, object]] | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """What a case's event says about its report; `closed` ends its being an open original."""

    tenant: str
    report_id: str
    case_id: str
    version: int
    stage: str
    changed_at: datetime
    closed: bool
    unit: str | None = None
    department: str | None = None
    stage_times: Mapping[str, int] | None = None


@dataclass(frozen=True, slots=True)
class NewReading:
    """A measurement to be stored."""

    tenant: str
    device: str
    reading_id: str
    quantity: str
    value: float
    unit: str
    lon: float
    lat: float
    observed_at: datetime
    client: str


_ADD_REPORTS = text(f"""
    INSERT INTO {SCHEMA}.reports (tenant, report_id, client, digest, channel, text, lon, lat, address,
        matter_given, contact, call_id, received_at, traceparent, located, component, level, reference,
        status, changed_at)
    SELECT tenant, report_id, client, digest, channel, text, lon, lat, address,
        matter, contact, call_id, received_at, traceparent, located, component, level, reference,
        'received', received_at
    FROM json_to_recordset(CAST(:rows AS json)) AS r (tenant text, report_id text, client text, digest text,
        channel text, text text, lon float8, lat float8, address text, matter text, contact bytea, call_id text,
        received_at timestamptz, traceparent text, located jsonb, component text,
        level text, reference text)
    ON CONFLICT DO NOTHING
    RETURNING tenant, report_id
""")

_DIGESTS = text(f"""
    SELECT tenant, report_id, digest FROM {SCHEMA}.reports
    WHERE (tenant, report_id) IN (
        SELECT * FROM unnest(CAST(:tenants AS text[]), CAST(:report_ids AS text[])))
""")

_MEET = text("SELECT pg_advisory_xact_lock(place) FROM unnest(CAST(:places AS bigint[])) AS place")

# LATERAL with a limit: one short index scan for each place, however many rows the table has or seems to have.
OPEN_NEAR = f"""
    SELECT near.report_id, near.tenant, near.matter, near.lon, near.lat, near.text, near.received_at
    FROM json_to_recordset(CAST(:probes AS json)) AS p (tenant text, matter text, bucket bigint,
        west float8, south float8, east float8, north float8, since timestamptz)
    CROSS JOIN LATERAL (
        SELECT r.* FROM {SCHEMA}.reports AS r
        WHERE r.tenant = p.tenant AND r.bucket = p.bucket AND r.matter = p.matter AND r.received_at >= p.since
            AND r.lon BETWEEN p.west AND p.east AND r.lat BETWEEN p.south AND p.north
        ORDER BY r.received_at DESC LIMIT {MOST_CANDIDATES}
    ) AS near
"""
_OPEN_NEAR = text(OPEN_NEAR)

# The planner takes a recordset for a hundred rows, for which it reads a whole young table instead of its key; and keeps
# to that plan while the table grows.
_SO_MANY = "LIMIT CAST(:so_many AS int)"

# One statement: what a report's row says is overwritten by the next decision, the row of `decisions` never.
_JUDGE = f"""
    WITH judged AS (
    UPDATE {SCHEMA}.reports AS r
    SET status = j.status, matter = j.matter, cells = j.cells, reason = j.reason, merged_into = j.merged_into,
        bucket = j.bucket, triaged_at = j.triaged_at, triaged_real_at = now(), held_at = j.held_at,
        changed_at = j.triaged_at, decided_by = j.decided_by, place = j.place,
        responsible = j.responsible,
        duplicates = coalesce(j.duplicates, r.duplicates),
        suggestion = coalesce(CAST(j.suggestion AS jsonb), r.suggestion)
    FROM (SELECT * FROM json_to_recordset(CAST(:rows AS json)) AS g (tenant text, report_id text, status text,
        matter text, cells jsonb, reason text, merged_into text, bucket bigint, triaged_at timestamptz,
        held_at timestamptz, decided_by text, place jsonb, suggestion json, responsible jsonb,
        duplicates jsonb) {_SO_MANY}) AS j
    WHERE r.tenant = j.tenant AND r.report_id = j.report_id AND {{condition}}
    RETURNING r.tenant, r.report_id, r.channel, r.client, r.reference, r.triaged_at, r.status, r.reason,
        r.decided_by, r.matter, r.merged_into
    ), kept AS (
    INSERT INTO {SCHEMA}.decisions (tenant, report_id, at, status, reason, who, matter, merged_into)
    SELECT tenant, report_id, triaged_at, status, reason, decided_by, matter, merged_into FROM judged
    )
    SELECT tenant, report_id, channel, client, reference FROM judged
"""
_JUDGE_NEW = text(_JUDGE.format(condition="r.triaged_at IS NULL"))
_JUDGE_HELD = text(_JUDGE.format(condition="r.held_at IS NOT NULL"))
_JUDGE_VERIFYING = text(_JUDGE.format(condition=f"r.status = '{ReportStatus.VERIFYING}'"))

_JUDGE_MERGED = text(_JUDGE.format(condition=f"r.status = '{ReportStatus.MERGED}'"))

Waiting = Literal["new", "held", "verifying", "merged"]
_JUDGES: Mapping[Waiting, TextClause] = {
    "new": _JUDGE_NEW,
    "held": _JUDGE_HELD,
    "verifying": _JUDGE_VERIFYING,
    "merged": _JUDGE_MERGED,
}

_PROGRESS = text(f"""
    UPDATE {SCHEMA}.reports AS r
    SET status = p.stage, case_id = p.case_id, case_version = p.version, changed_at = p.changed_at,
        unit = p.unit, department = p.department, stage_times = p.stage_times,
        bucket = CASE WHEN p.closed THEN NULL ELSE r.bucket END
    FROM (SELECT * FROM json_to_recordset(CAST(:rows AS json)) AS g (tenant text, report_id text, case_id text,
        version int, stage text, changed_at timestamptz, closed boolean, unit text, department text,
        stage_times jsonb) {_SO_MANY}) AS p
    WHERE r.tenant = p.tenant AND r.report_id = p.report_id
        AND (r.case_version IS NULL OR r.case_version < p.version)
    RETURNING r.tenant, r.report_id, r.client, r.reference
""")

_ADD_READINGS = text(f"""
    INSERT INTO {SCHEMA}.readings (tenant, device, reading_id, quantity, value, unit, lon, lat,
        observed_at, client)
    SELECT * FROM json_to_recordset(CAST(:rows AS json)) AS r (tenant text, device text, reading_id text,
        quantity text, value float8, unit text, lon float8, lat float8, observed_at timestamptz, client text)
    ON CONFLICT DO NOTHING
    RETURNING tenant, device, reading_id
""")

_ADD_RATING = text(f"""
    INSERT INTO {SCHEMA}.ratings (tenant, report_id, rating, note, rated_at)
    VALUES (:tenant, :report_id, :rating, :note, :rated_at) ON CONFLICT DO NOTHING
""")


def add_reports(conn: Connection, received: Collection[Received]) -> set[tuple[str, str]]:
    """Store new reports; returns the (tenant, report id) of those that were not there before.

    A report that another transaction is just storing under the same key is waited for.
    """
    rows = [
        {
            "tenant": r.tenant,
            "report_id": r.report_id,
            "client": r.client,
            "digest": r.digest,
            "channel": r.channel,
            "text": r.text,
            "lon": r.lon,
            "lat": r.lat,
            "address": r.address,
            "matter": r.matter,
            "contact": None if r.contact is None else f"\\x{r.contact.hex()}",
            "call_id": r.call_id,
            "received_at": one.received_at,
            "traceparent": one.traceparent,
            "located": r.located,
            "component": r.component,
            "level": r.level,
            "reference": r.reference,
        }
        for one in received
        for r in (one.report,)
    ]
    # One order for everybody: two doors that meet in the same keys wait for each other, but never crosswise.
    rows.sort(key=lambda row: (row["tenant"], row["report_id"]))
    return {(row.tenant, row.report_id) for row in conn.execute(_ADD_REPORTS, {"rows": _json(rows)})}


def digests(conn: Connection, keys: Collection[tuple[str, str]]) -> dict[tuple[str, str], str | None]:
    """The digests of the requests by which these reports came."""
    tenants, report_ids = zip(*keys, strict=True)
    found = conn.execute(_DIGESTS, {"tenants": list(tenants), "report_ids": list(report_ids)})
    return {(row.tenant, row.report_id): row.digest for row in found}


def meet(conn: Connection, places: Collection[int]) -> None:
    """Wait for whoever is at one of these places, and stay there until the transaction ends.

    What they wrote is seen by the statements that follow, each of which looks anew (READ COMMITTED).
    """
    if places:
        # One order for everybody: replicas that meet at several places wait in a row, never in a circle.
        conn.execute(_MEET, {"places": arrays.numbers(sorted(places))})


def open_near(conn: Connection, probes: Sequence[Probe]) -> list[Said]:
    """Open originals in these places, of these matters, not older than asked for."""
    if not probes:
        return []
    found = conn.execute(_OPEN_NEAR, {"probes": _json(probes)})
    return list({row.report_id: Said(*row) for row in found}.values())


def judge(
    conn: Connection, judged: Sequence[Judged], waiting: Waiting = "new"
) -> dict[tuple[str, str], Row[Any]]:
    """Write what was decided about reports that wait so; returns those that it was still to decide about."""
    rows = conn.execute(_JUDGES[waiting], {"rows": _json(list(judged)), "so_many": len(judged)})
    decided = {(row.tenant, row.report_id): row for row in rows}
    record(
        conn,
        [
            Step(one.tenant, one.report_id, one.status, one.triaged_at, one.merged_into)
            for one in judged
            if (row := decided.get((one.tenant, one.report_id))) is not None and row.channel == CHANNEL
        ],
    )
    return decided


def progress(conn: Connection, steps: Sequence[Progress]) -> dict[tuple[str, str], Row[Any]]:
    """Let the reports follow their cases; a step older than what is known changes nothing. Returns what changed."""
    ordered = sorted(steps, key=lambda step: (step.tenant, step.report_id))
    rows = conn.execute(_PROGRESS, {"rows": _json(ordered), "so_many": len(ordered)})
    return {(row.tenant, row.report_id): row for row in rows}


def add_readings(conn: Connection, new: Sequence[NewReading]) -> set[tuple[str, str, str]]:
    """Store measurements; returns the (tenant, device, reading id) of those that were not there before."""
    ordered = sorted(new, key=lambda reading: (reading.tenant, reading.device, reading.reading_id))
    rows = conn.execute(_ADD_READINGS, {"rows": _json(ordered)})
    return {(row.tenant, row.device, row.reading_id) for row in rows}


def add_rating(
    conn: Connection, *, tenant: str, report_id: str, rating: int, note: str, rated_at: datetime
) -> bool:
    """Store a report's one rating; False when it has one."""
    row = {"tenant": tenant, "report_id": report_id, "rating": rating, "note": note, "rated_at": rated_at}
    return conn.execute(_ADD_RATING, row).rowcount == 1


def report(conn: Connection, tenant: str, report_id: str, *, lock: bool = False) -> Row[Any] | None:
    """One report's row, for changing it if asked, or None."""
    query = select(reports).where(reports.c.tenant == tenant, reports.c.report_id == report_id)
    return conn.execute(query.with_for_update() if lock else query).one_or_none()


def decisions_of(conn: Connection, tenant: str, report_id: str) -> list[Row[Any]]:
    """Every decision about a report, oldest first; none of what was decided before they were kept."""
    query = select(decisions).where(decisions.c.tenant == tenant, decisions.c.report_id == report_id)
    return list(conn.execute(query.order_by(decisions.c.seq)))


def joined_to(conn: Connection, tenant: str, report_id: str) -> bool:
    """Whether others were joined to this report."""
    query = select(reports.c.report_id).where(reports.c.tenant == tenant, reports.c.merged_into == report_id)
    return conn.execute(query.limit(1)).first() is not None


def rating(conn: Connection, tenant: str, report_id: str) -> Row[Any] | None:
    """A report's rating, or None."""
    query = select(ratings).where(ratings.c.tenant == tenant, ratings.c.report_id == report_id)
    return conn.execute(query).one_or_none()


_LATER = case(
    {level.value: len(Level) - 1 - level.rank for level in Level},
    value=reports.c.level,
    else_=len(Level) - 1 - Level.NORMAL.rank,
)
"""How far behind the gravest a report stands by its level; whoever says none means a normal one."""


def held(
    conn: Connection, tenant: str, limit: int, after: tuple[int, datetime, str] | None
) -> list[Row[Any]]:
    """Reports that wait for a person, the gravest first (`later`), of one level the longest held.

    `after`: where the page before ended (`later`, `held_at`, id).
    """
    order = (_LATER, reports.c.held_at, reports.c.report_id)
    query = select(reports, _LATER.label("later"))
    query = query.where(reports.c.tenant == tenant, reports.c.held_at.is_not(None))
    if after is not None:
        query = query.where(tuple_(*order) > after)
    return list(conn.execute(query.order_by(*order).limit(limit)))


def held_among(conn: Connection, keys: Collection[tuple[str, str]]) -> list[Row[Any]]:
    """Those of these reports that still wait for a person, locked."""
    wanted = reports.c.tenant.in_({tenant for tenant, _ in keys}) & reports.c.report_id.in_(
        {report_id for _, report_id in keys}
    )
    query = select(reports).where(wanted, reports.c.held_at.is_not(None)).order_by(reports.c.report_id)
    return [row for row in conn.execute(query.with_for_update()) if (row.tenant, row.report_id) in keys]


def among(conn: Connection, keys: Collection[tuple[str, str]], status: str) -> list[Row[Any]]:
    """Those of these reports that have this status, locked, in one order."""
    wanted = tuple_(reports.c.tenant, reports.c.report_id).in_(sorted(keys))
    query = select(reports).where(wanted, reports.c.status == status)
    return list(conn.execute(query.order_by(reports.c.tenant, reports.c.report_id).with_for_update()))


def _json(rows: Any) -> str:
    return to_json(rows).decode()
