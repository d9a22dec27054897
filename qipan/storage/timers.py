"""Timers: rows due in the tenant's time; any replica may fire them, each fires once."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, text

from qipan.storage.work import Timer


def take_due(
    conn: Connection,
    schema: str,
    kind: str,
    now: datetime,
    *,
    only: Sequence[str] | None = None,
    excluding: Sequence[str] = (),
    limit: int = 200,
) -> list[Timer]:
    """Take the timers of `kind` due at `now` out of the table, within the caller's transaction.

    `only` restricts to tenants that share this `now`; `excluding` leaves out those whose clock runs otherwise.
    Rows that another replica is firing are skipped.
    """
    conditions = ["kind = :kind", "due_at <= :now"]
    parameters: dict[str, object] = {"kind": kind, "now": now, "limit": limit}
    if only is not None:
        conditions.append("tenant = ANY(:only)")
        parameters["only"] = list(only)
    elif excluding:
        conditions.append("tenant <> ALL(:excluding)")
        parameters["excluding"] = list(excluding)
    chosen = conn.execute(
        text(
            f"DELETE FROM {schema}.timers WHERE (tenant, kind, ref) IN ("
            f"SELECT tenant, kind, ref FROM {schema}.timers WHERE {' AND '.join(conditions)} "
            "ORDER BY due_at LIMIT :limit FOR UPDATE SKIP LOCKED) "
            "RETURNING tenant, kind, ref, due_at, payload"
        ),
        parameters,
    )
    return sorted((Timer(*row) for row in chosen), key=lambda timer: (timer.due_at, timer.ref))
