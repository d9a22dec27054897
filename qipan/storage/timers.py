"""Timers: rows due in the tenant's time; any replica may fire them, each fires once.

While a tenant's own process keeps its timers, by a row it renews in real seconds, the core's leave them to it:
what happens when time is up is a rule, and the tenant has put its own in the core's place.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import Connection, text

from qipan.storage.work import Timer


def kinds_due(
    conn: Connection,
    schema: str,
    kinds: Iterable[str],
    now: datetime,
    *,
    only: Sequence[str] | None = None,
    excluding: Sequence[str] = (),
    unkept: bool = False,
) -> list[str]:
    """Those of `kinds` of which a timer is due at `now`, in their order; the others need not be asked for one by one.

    The rest as in `take_due`.
    """
    whose, parameters = _whose(schema, only, excluding, unkept)
    found = conn.execute(
        text(
            "SELECT kind FROM unnest(CAST(:kinds AS text[])) WITH ORDINALITY AS asked (kind, number) WHERE EXISTS ("
            f"SELECT FROM {schema}.timers WHERE timers.kind = asked.kind AND due_at <= :now{whose}) ORDER BY number"
        ),
        {"kinds": list(kinds), "now": now, **parameters},
    )
    return list(found.scalars())


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
    whose, parameters = _whose(schema, only, excluding, unkept)
    chosen = conn.execute(
        text(
            f"DELETE FROM {schema}.timers WHERE (tenant, kind, ref) IN ("
            f"SELECT tenant, kind, ref FROM {schema}.timers WHERE kind = :kind AND due_at <= :now{whose} "
            "ORDER BY due_at LIMIT :limit FOR UPDATE SKIP LOCKED) "
            "RETURNING tenant, kind, ref, due_at, payload"
        ),
        {"kind": kind, "now": now, "limit": limit, **parameters},
    )
    return sorted((Timer(*row) for row in chosen), key=lambda timer: (timer.due_at, timer.ref))


def _whose(
    schema: str, only: Sequence[str] | None, excluding: Sequence[str], unkept: bool
) -> tuple[str, dict[str, object]]:
    """Further conditions on timers, and their parameters."""
    conditions, parameters = "", dict[str, object]()
    if unkept:
        conditions += (
            f" AND NOT EXISTS (SELECT FROM {schema}.timer_keepers AS keeper"
            " WHERE keeper.tenant = timers.tenant AND keeper.kind = timers.kind AND keeper.until > now())"
        )
    if only is not None:
        conditions += " AND tenant = ANY(:only)"
        parameters["only"] = list(only)
    elif excluding:
        conditions += " AND tenant <> ALL(:excluding)"
        parameters["excluding"] = list(excluding)
    return conditions, parameters


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
