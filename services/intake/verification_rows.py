"""Verifications' rows: one for each report that a grid worker was asked to look at."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic_core import to_json
from sqlalchemy import Connection, Row, text

from qipan.contracts.case import Place
from qipan.contracts.level import Level
from services.intake.tables import SCHEMA


@dataclass(frozen=True, slots=True)
class Asked:
    """A grid worker of this cell is asked to look, by `due_at` (domain time).

    `matter`, `place` and `level` are what is thought of the report; they are told, and stored with it.
    """

    tenant: str
    report_id: str
    cell: str
    asked_at: datetime
    due_at: datetime
    asked_by: str
    reason: str
    place: Place
    matter: str | None = None
    level: Level | None = None
    traceparent: str | None = None


_ASK = text(f"""
    INSERT INTO {SCHEMA}.verifications (tenant, report_id, cell, asked_at, due_at, asked_by, reason)
    SELECT * FROM json_to_recordset(CAST(:rows AS json)) AS a (tenant text, report_id text, cell text,
        asked_at timestamptz, due_at timestamptz, asked_by text, reason text)
    ON CONFLICT (tenant, report_id) DO UPDATE SET cell = excluded.cell, asked_at = excluded.asked_at,
        due_at = excluded.due_at, asked_by = excluded.asked_by, reason = excluded.reason, open = true,
        answered_at = NULL, answered_real_at = NULL, answered_by = NULL, finding = NULL, matter = NULL,
        note = NULL, evidence = NULL, lapsed_at = NULL
""")

_OPEN = f"""
    SELECT v.cell, v.asked_at, v.due_at, v.asked_by, v.reason AS why, r.*
    FROM {SCHEMA}.verifications AS v
    JOIN {SCHEMA}.reports AS r ON r.tenant = v.tenant AND r.report_id = v.report_id
    WHERE v.tenant = :tenant AND v.open{{conditions}}
    ORDER BY v.due_at, v.report_id LIMIT :limit
"""

_ONE = text(f"SELECT * FROM {SCHEMA}.verifications WHERE tenant = :tenant AND report_id = :report_id")

_ANSWER = text(f"""
    UPDATE {SCHEMA}.verifications
    SET open = false, answered_at = :at, answered_real_at = now(), answered_by = :by, finding = :finding,
        matter = :matter, note = :note, evidence = CAST(:evidence AS jsonb)
    WHERE tenant = :tenant AND report_id = :report_id AND open
""")

_LAPSE = text(f"""
    UPDATE {SCHEMA}.verifications AS v SET open = false, lapsed_at = v.due_at, answered_real_at = now()
    FROM json_to_recordset(CAST(:keys AS json)) AS k (tenant text, report_id text)
    WHERE v.tenant = k.tenant AND v.report_id = k.report_id AND v.open
    RETURNING v.*
""")


def ask(conn: Connection, asked: Sequence[Asked]) -> None:
    """Note whom is asked; asked again, a report's verification begins anew."""
    if asked:
        conn.execute(_ASK, {"rows": to_json(list(asked)).decode()})


def waiting(
    conn: Connection,
    tenant: str,
    cells: Collection[str] | None,
    limit: int,
    after: tuple[datetime, str] | None,
) -> list[Row[Any]]:
    """What waits to be looked at in these cells (None: all), the most pressing first."""
    values: dict[str, Any] = {"tenant": tenant, "limit": limit}
    conditions = ""
    if cells is not None:
        conditions += " AND v.cell = ANY(CAST(:cells AS text[]))"
        values["cells"] = sorted(cells)
    if after is not None:
        conditions += " AND (v.due_at, v.report_id) > (:due_at, :report_id)"
        values["due_at"], values["report_id"] = after
    return list(conn.execute(text(_OPEN.format(conditions=conditions)), values))


def find(conn: Connection, tenant: str, report_id: str) -> Row[Any] | None:
    """A report's verification, whether open or not."""
    return conn.execute(_ONE, {"tenant": tenant, "report_id": report_id}).one_or_none()


def answer(
    conn: Connection,
    *,
    tenant: str,
    report_id: str,
    at: datetime,
    by: str,
    finding: str,
    matter: str | None,
    note: str,
    evidence: Sequence[str],
) -> None:
    """Note what was found."""
    conn.execute(
        _ANSWER,
        {
            "tenant": tenant,
            "report_id": report_id,
            "at": at,
            "by": by,
            "finding": finding,
            "matter": matter,
            "note": note,
            "evidence": to_json(list(evidence)).decode(),
        },
    )


def lapse(conn: Connection, keys: Collection[tuple[str, str]]) -> list[Row[Any]]:
    """Close those of these that are open still, and return them."""
    rows = [{"tenant": tenant, "report_id": report_id} for tenant, report_id in sorted(keys)]
    return list(conn.execute(_LAPSE, {"keys": to_json(rows).decode()}))
