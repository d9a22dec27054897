"""Open311's rows: requests, their steps, and whoever holds an API key. Each statement begins with the tenant."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic_core import to_json
from sqlalchemy import Connection, Row, text

from services.intake.open311.filters import OPEN, Wanted, WantedUpdates
from services.intake.open311.status import CLOSED_STATUSES
from services.intake.tables import SCHEMA

CHANNEL = "open311"
"""The channel of what came in this way."""


@dataclass(frozen=True, slots=True)
class NewRequest:
    """What is kept of a request beside its report: all of it public."""

    tenant: str
    report_id: str
    description: str | None
    address: str | None
    address_id: str | None
    media_url: str | None
    attributes: Mapping[str, Sequence[str]]
    expected_at: datetime | None


@dataclass(frozen=True, slots=True)
class Step:
    """A change of a report's public status. `merged_into` is set when it was joined to another report."""

    tenant: str
    report_id: str
    status: str
    at: datetime
    merged_into: str | None = None


_ADD = text(f"""
    INSERT INTO {SCHEMA}.open311_requests (tenant, report_id, description, address, address_id, media_url,
        attributes, requested_at, updated_at, expected_at)
    SELECT n.tenant, n.report_id, n.description, n.address, n.address_id, n.media_url, n.attributes,
        r.received_at, r.received_at, n.expected_at
    FROM json_to_recordset(CAST(:rows AS json)) AS n (tenant text, report_id text, description text, address text,
        address_id text, media_url text, attributes jsonb, expected_at timestamptz)
    JOIN {SCHEMA}.reports AS r ON r.tenant = n.tenant AND r.report_id = n.report_id
    ON CONFLICT DO NOTHING
""")

# A request that was joined to another report goes on with it.
_RECORD = text(f"""
    WITH steps AS (
        SELECT * FROM json_to_recordset(CAST(:rows AS json)) AS s (tenant text, report_id text, status text,
            at timestamptz, merged_into text)
    ), hit AS (
        SELECT q.tenant, q.report_id, s.status, s.at, s.merged_into
        FROM steps AS s JOIN {SCHEMA}.open311_requests AS q ON q.tenant = s.tenant AND q.report_id = s.report_id
        UNION ALL
        SELECT q.tenant, q.report_id, s.status, s.at, NULL
        FROM steps AS s JOIN {SCHEMA}.open311_requests AS q ON q.tenant = s.tenant AND q.original_id = s.report_id
    ), told AS (
        INSERT INTO {SCHEMA}.open311_updates (tenant, report_id, at, status)
        SELECT tenant, report_id, at, status FROM hit ON CONFLICT DO NOTHING
    )
    UPDATE {SCHEMA}.open311_requests AS q
    SET updated_at = greatest(q.updated_at, n.at), original_id = coalesce(n.merged_into, q.original_id)
    FROM (SELECT tenant, report_id, max(at) AS at, max(merged_into) AS merged_into FROM hit GROUP BY 1, 2) AS n
    WHERE q.tenant = n.tenant AND q.report_id = n.report_id
""")

_LIST = f"""
    SELECT q.report_id, r.status, o.status AS original_status, coalesce(r.matter, r.matter_given) AS matter,
        r.matter_given, q.description, q.address, q.address_id, q.media_url, q.requested_at, q.updated_at,
        q.expected_at, r.lon, r.lat, r.responsible
    FROM {SCHEMA}.open311_requests AS q
    JOIN {SCHEMA}.reports AS r ON r.tenant = q.tenant AND r.report_id = q.report_id
    LEFT JOIN {SCHEMA}.reports AS o ON o.tenant = q.tenant AND o.report_id = q.original_id
    WHERE q.tenant = :tenant{{conditions}}
    ORDER BY q.requested_at DESC, q.report_id DESC LIMIT :size OFFSET :skip
"""

_UPDATES = f"""
    SELECT u.report_id, u.at, u.status, r.responsible
    FROM {SCHEMA}.open311_updates AS u
    JOIN {SCHEMA}.reports AS r ON r.tenant = u.tenant AND r.report_id = u.report_id
    WHERE u.tenant = :tenant{{conditions}}
    ORDER BY u.at, u.report_id, u.status LIMIT :size OFFSET :skip
"""

_HOLDER = text(f"""
    SELECT tenant, client FROM {SCHEMA}.api_keys
    WHERE tenant = :tenant AND digest = :digest AND revoked_at IS NULL
""")

_ISSUE = text(f"""
    INSERT INTO {SCHEMA}.api_keys (tenant, key_id, digest, client, issued_by)
    VALUES (:tenant, :key_id, :digest, :client, :by) ON CONFLICT (tenant, digest) DO NOTHING
""")

_BY_DIGEST = text(f"SELECT * FROM {SCHEMA}.api_keys WHERE tenant = :tenant AND digest = :digest")

_REVOKE = text(f"""
    UPDATE {SCHEMA}.api_keys SET revoked_at = coalesce(revoked_at, now()), revoked_by = coalesce(revoked_by, :by)
    WHERE tenant = :tenant AND key_id = :key_id RETURNING *
""")

_KEYS = text(f"""
    SELECT * FROM {SCHEMA}.api_keys WHERE tenant = :tenant AND key_id > :after ORDER BY key_id LIMIT :limit
""")


def add_requests(conn: Connection, new: Iterable[NewRequest]) -> None:
    """Keep what came with reports that this transaction stores."""
    rows = sorted(new, key=lambda one: (one.tenant, one.report_id))
    if rows:
        conn.execute(_ADD, {"rows": to_json(rows).decode()})


def record(conn: Connection, steps: Collection[Step]) -> None:
    """Write down the steps of those reports that are public; the same step again changes nothing."""
    if steps:
        ordered = sorted(steps, key=lambda step: (step.tenant, step.report_id, step.at))
        conn.execute(_RECORD, {"rows": to_json(ordered).decode()})


def listed(conn: Connection, tenant: str, wanted: Wanted) -> list[Row[Any]]:
    """The requests asked for, newest first."""
    conditions = {
        "q.report_id = ANY(CAST(:ids AS text[]))": ("ids", list(wanted.ids) or None),
        "q.requested_at >= :requested_since": ("requested_since", wanted.requested.since),
        "q.requested_at <= :requested_until": ("requested_until", wanted.requested.until),
        "q.updated_at >= :updated_since": ("updated_since", wanted.updated.since),
        "q.updated_at <= :updated_until": ("updated_until", wanted.updated.until),
        "coalesce(r.matter, r.matter_given) = ANY(CAST(:codes AS text[]))": (
            "codes",
            list(wanted.codes) or None,
        ),
    }
    if wanted.status is not None:
        within = (
            "<> ALL(CAST(:closed AS text[]))" if wanted.status == OPEN else "= ANY(CAST(:closed AS text[]))"
        )
        conditions[f"coalesce(o.status, r.status) {within}"] = ("closed", sorted(CLOSED_STATUSES))
    return _found(conn, _LIST, tenant, conditions, wanted.size, wanted.skip)


def told(conn: Connection, tenant: str, wanted: WantedUpdates) -> list[Row[Any]]:
    """The updates asked for, oldest first."""
    conditions = {
        "u.report_id = ANY(CAST(:ids AS text[]))": ("ids", list(wanted.ids) or None),
        "u.at >= :since": ("since", wanted.span.since),
        "u.at <= :until": ("until", wanted.span.until),
    }
    return _found(conn, _UPDATES, tenant, conditions, wanted.size, wanted.skip)


def holder(conn: Connection, tenant: str, digest: str) -> Row[Any] | None:
    """Whose key this is, unless it was revoked."""
    return conn.execute(_HOLDER, {"tenant": tenant, "digest": digest}).one_or_none()


def issue(conn: Connection, tenant: str, key_id: str, digest: str, client: str, by: str) -> Row[Any]:
    """Store a key's digest; the same digest again is the same key."""
    conn.execute(_ISSUE, {"tenant": tenant, "key_id": key_id, "digest": digest, "client": client, "by": by})
    return conn.execute(_BY_DIGEST, {"tenant": tenant, "digest": digest}).one()


def revoke(conn: Connection, tenant: str, key_id: str, by: str) -> Row[Any] | None:
    """Close a key for good; None when the tenant has no such key."""
    return conn.execute(_REVOKE, {"tenant": tenant, "key_id": key_id, "by": by}).one_or_none()


def keys(conn: Connection, tenant: str, after: str, limit: int) -> list[Row[Any]]:
    """A tenant's keys, oldest first."""
    return list(conn.execute(_KEYS, {"tenant": tenant, "after": after, "limit": limit}))


def _found(
    conn: Connection,
    statement: str,
    tenant: str,
    conditions: Mapping[str, tuple[str, Any]],
    size: int,
    skip: int,
) -> list[Row[Any]]:
    meant = {sql: bound for sql, bound in conditions.items() if bound[1] is not None}
    sql = statement.format(conditions="".join(f" AND {condition}" for condition in meant))
    values = {"tenant": tenant, "size": size, "skip": skip, **dict(meant.values())}
    return list(conn.execute(text(sql), values))
