"""Timers: rows due in the tenant's time; any replica may fire them, each fires once.

While a tenant's own process keeps its timers, by a row it renews in real seconds, the core's leave them to it:
what happens when time is up is a rule, and the tenant has put its own in the core's place.
"""

from collections.abc import Iterable, Sequence
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
    unkept: bool = False,
    limit: int = 200,
) -> list[Timer]:
    """Take the timers of `kind` due at `now` out of the table, within the caller's transaction.

    `only` restricts to tenants that share this `now`; `excluding` leaves out those whose clock runs otherwise;
    `unkept` leaves out those who keep their own. Rows that another replica is firing are skipped.
    """
    conditions = ["kind = :kind", "due_at <= :now"]
    if unkept:
        conditions.append(
            f"NOT EXISTS (SELECT FROM {schema}.timer_keepers AS keeper"
            " WHERE keeper.tenant = timers.tenant AND keeper.kind = timers.kind AND keeper.until > now())"
        )
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


def keep(
    conn: Connection, schema: str, tenant: str, kinds: Iterable[str], instance: str, seconds: float
) -> None:
    """For so many real seconds, `instance` fires the tenant's timers of these kinds, and the core does not."""
    conn.execute(
        text(
            f"INSERT INTO {schema}.timer_keepers (tenant, kind, instance, until) "
            "VALUES (:tenant, :kind, :instance, now() + make_interval(secs => :seconds)) "
            "ON CONFLICT (tenant, kind, instance) DO UPDATE SET until = excluded.until"
        ),
        [{"tenant": tenant, "kind": kind, "instance": instance, "seconds": seconds} for kind in kinds],
    )
    conn.execute(
        text(f"DELETE FROM {schema}.timer_keepers WHERE tenant = :tenant AND until < now()"),
        {"tenant": tenant},
    )


def keep_no_more(conn: Connection, schema: str, tenant: str, instance: str) -> None:
    """`instance` leaves: what no other keeps is the core's at once."""
    conn.execute(
        text(f"DELETE FROM {schema}.timer_keepers WHERE tenant = :tenant AND instance = :instance"),
        {"tenant": tenant, "instance": instance},
    )
