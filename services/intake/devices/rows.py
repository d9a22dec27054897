"""Rows of devices and their alarms: a statement takes a whole batch, and each begins with the tenant."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from pydantic_core import to_json
from sqlalchemy import Connection, Row, text

from services.intake.tables import SCHEMA


class SeriesKey(NamedTuple):
    """Whose alarms about what: `source` is `<the device's tenant>/<its id>`, `matter` empty where unknown."""

    tenant: str
    source: str
    matter: str


@dataclass(frozen=True, slots=True)
class AlarmRow:
    """An alarm as it is kept."""

    tenant: str
    source: str
    alarm_id: str
    cleared: bool
    matter: str
    level: str
    at: datetime
    fate: str
    report_id: str | None


@dataclass(frozen=True, slots=True)
class SeriesRow:
    """A series as it stands after a batch."""

    tenant: str
    source: str
    matter: str
    report_id: str
    first_at: datetime
    last_at: datetime
    times: int
    level: str
    cleared_at: datetime | None


_REGISTER = text(f"""
    INSERT INTO {SCHEMA}.devices AS d (tenant, device_id, kind, digest, hub, matter, lon, lat, registered_by)
    VALUES (:tenant, :device_id, :kind, :digest, :hub, :matter, :lon, :lat, :by)
    ON CONFLICT (tenant, device_id) DO UPDATE SET kind = excluded.kind, digest = excluded.digest,
        hub = excluded.hub, matter = excluded.matter, lon = excluded.lon, lat = excluded.lat,
        registered_by = excluded.registered_by, registered_at = now(), revoked_at = NULL, revoked_by = NULL
    WHERE d.revoked_at IS NOT NULL
    RETURNING *
""")

_FIND = text(f"SELECT * FROM {SCHEMA}.devices WHERE tenant = :tenant AND device_id = :device_id")

_REVOKE = text(f"""
    UPDATE {SCHEMA}.devices SET revoked_at = coalesce(revoked_at, now()), revoked_by = coalesce(revoked_by, :by)
    WHERE tenant = :tenant AND device_id = :device_id RETURNING *
""")

_PAGE = text(f"""
    SELECT * FROM {SCHEMA}.devices WHERE tenant = :tenant AND device_id > :after ORDER BY device_id LIMIT :limit
""")

_SPEAKING = text(f"""
    SELECT * FROM {SCHEMA}.devices
    WHERE tenant = :tenant AND (digest = :digest OR device_id = ANY(CAST(:named AS text[])))
""")

# Makes the rows that are not there and locks them all, in one order: who comes at the same time waits.
_LOCK = text(f"""
    WITH locked AS (
        INSERT INTO {SCHEMA}.alarm_series AS s (tenant, source, matter)
        SELECT * FROM json_to_recordset(CAST(:keys AS json)) AS k (tenant text, source text, matter text)
        ON CONFLICT (tenant, source, matter) DO UPDATE SET times = s.times
        RETURNING s.*
    )
    SELECT l.*, coalesce(o.status, r.status) AS status
    FROM locked AS l
    LEFT JOIN {SCHEMA}.reports AS r ON r.tenant = l.tenant AND r.report_id = l.report_id
    LEFT JOIN {SCHEMA}.reports AS o ON o.tenant = r.tenant AND o.report_id = r.merged_into
""")

_KNOWN = text(f"""
    SELECT tenant, source, alarm_id, cleared, report_id FROM {SCHEMA}.alarms
    WHERE (tenant, source, alarm_id) IN (
        SELECT * FROM json_to_recordset(CAST(:keys AS json)) AS k (tenant text, source text, alarm_id text))
""")

_KEEP = text(f"""
    INSERT INTO {SCHEMA}.alarms (tenant, source, alarm_id, cleared, matter, level, at, fate, report_id)
    SELECT * FROM json_to_recordset(CAST(:rows AS json)) AS a (tenant text, source text, alarm_id text,
        cleared boolean, matter text, level text, at timestamptz, fate text, report_id text)
    ON CONFLICT DO NOTHING
""")

_GO_ON = text(f"""
    UPDATE {SCHEMA}.alarm_series AS s
    SET report_id = n.report_id, first_at = n.first_at, last_at = n.last_at, times = n.times, level = n.level,
        cleared_at = n.cleared_at
    FROM json_to_recordset(CAST(:rows AS json)) AS n (tenant text, source text, matter text, report_id text,
        first_at timestamptz, last_at timestamptz, times int, level text, cleared_at timestamptz)
    WHERE s.tenant = n.tenant AND s.source = n.source AND s.matter = n.matter
""")

_OF_REPORT = text(f"""
    SELECT source, count(*) FILTER (WHERE NOT cleared) AS times,
        max(at) FILTER (WHERE NOT cleared) AS last_at, max(at) FILTER (WHERE cleared) AS cleared_at,
        max(real_at) FILTER (WHERE NOT cleared) AS last_real_at,
        max(real_at) FILTER (WHERE cleared) AS cleared_real_at
    FROM {SCHEMA}.alarms WHERE tenant = :tenant AND report_id = :report_id GROUP BY source
""")


def register(conn: Connection, device: dict[str, Any]) -> Row[Any] | None:
    """Store a device, or one that was revoked again; None when it is there and not revoked."""
    return conn.execute(_REGISTER, device).one_or_none()


def find(conn: Connection, tenant: str, device_id: str) -> Row[Any] | None:
    """One device's row."""
    return conn.execute(_FIND, {"tenant": tenant, "device_id": device_id}).one_or_none()


def revoke(conn: Connection, tenant: str, device_id: str, by: str) -> Row[Any] | None:
    """Close a device; None when the tenant has no such one."""
    return conn.execute(_REVOKE, {"tenant": tenant, "device_id": device_id, "by": by}).one_or_none()


def page(conn: Connection, tenant: str, after: str, limit: int) -> list[Row[Any]]:
    """A tenant's devices, by id."""
    return list(conn.execute(_PAGE, {"tenant": tenant, "after": after, "limit": limit}))


def speaking(conn: Connection, tenant: str, digest: str, named: Collection[str]) -> list[Row[Any]]:
    """The device whose key this is, and those named."""
    return list(conn.execute(_SPEAKING, {"tenant": tenant, "digest": digest, "named": sorted(named)}))


def lock(conn: Connection, keys: Collection[SeriesKey]) -> list[Row[Any]]:
    """These series, with the public status of what their reports became, locked until the transaction ends."""
    rows = [key._asdict() for key in sorted(keys)]
    return list(conn.execute(_LOCK, {"keys": to_json(rows).decode()}))


def known(
    conn: Connection, keys: Collection[tuple[str, str, str]]
) -> dict[tuple[str, str, str, bool], str | None]:
    """Which alarms (tenant, source, id; and whether cleared) came before, with the reports they went to."""
    rows = [dict(zip(("tenant", "source", "alarm_id"), key, strict=True)) for key in sorted(keys)]
    found = conn.execute(_KNOWN, {"keys": to_json(rows).decode()})
    return {(row.tenant, row.source, row.alarm_id, row.cleared): row.report_id for row in found}


def keep(conn: Connection, alarms: Sequence[AlarmRow]) -> None:
    """Store alarms."""
    conn.execute(_KEEP, {"rows": to_json(list(alarms)).decode()})


def go_on(conn: Connection, series: Collection[SeriesRow]) -> None:
    """Store how these series stand."""
    conn.execute(_GO_ON, {"rows": to_json(list(series)).decode()})


def of_report(conn: Connection, tenant: str, report_id: str) -> list[Row[Any]]:
    """How many alarms a report stands for, by their device; when the last one came, and when it was over."""
    return list(conn.execute(_OF_REPORT, {"tenant": tenant, "report_id": report_id}))
