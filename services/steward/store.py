"""Rows of who serves whom. Times are the database's real time, so that replicas need not agree on one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class Takeover:
    """One tenant's part of one service: what is bound for it. The row's lock orders arriving and taking back.

    `added`: the core has no such service. `events`: the types heard beyond the core's subscription.
    """

    tenant: str
    service: str
    added: bool
    events: tuple[str, ...]
    bound: bool


@dataclass(frozen=True, slots=True)
class Holder:
    """An instance with a lease. `leaving`: it takes nothing new."""

    tenant: str
    service: str
    instance: str
    leaving: bool
    since: datetime
    until: datetime


def note(conn: Connection, tenant: str, service: str, *, added: bool, events: Sequence[str] = ()) -> None:
    """Remember that this may be bound for the tenant. To be committed before anything is."""
    conn.execute(
        text(
            "INSERT INTO steward.takeovers AS t (tenant, service, added, events)"
            " VALUES (:tenant, :service, :added, :events) ON CONFLICT (tenant, service) DO UPDATE"
            " SET events = ARRAY(SELECT DISTINCT unnest(t.events || excluded.events) ORDER BY 1)"
            " WHERE NOT t.events @> excluded.events"
        ),
        {"tenant": tenant, "service": service, "added": added, "events": list(events)},
    )


def lock(conn: Connection, tenant: str, service: str, *, wait: bool = True) -> Takeover | None:
    """The takeover, locked until the transaction ends.

    None when there is none or, without `wait`, when another has it.
    """
    row = conn.execute(
        text(
            "SELECT tenant, service, added, events, bound FROM steward.takeovers"
            " WHERE tenant = :tenant AND service = :service FOR UPDATE" + ("" if wait else " SKIP LOCKED")
        ),
        {"tenant": tenant, "service": service},
    ).one_or_none()
    return row and Takeover(row[0], row[1], row[2], tuple(row[3]), row[4])


def bind(conn: Connection, tenant: str, service: str) -> None:
    """The tenant's traffic goes to it."""
    conn.execute(
        text(
            "UPDATE steward.takeovers SET bound = true, quiet_since = NULL"
            " WHERE tenant = :tenant AND service = :service"
        ),
        {"tenant": tenant, "service": service},
    )


def unhear(conn: Connection, tenant: str, service: str, events: Sequence[str]) -> None:
    """These event types are not bound for the tenant any more."""
    conn.execute(
        text(
            "UPDATE steward.takeovers SET events ="
            " ARRAY(SELECT e FROM unnest(events) e WHERE e <> ALL(CAST(:events AS text[])))"
            " WHERE tenant = :tenant AND service = :service"
        ),
        {"tenant": tenant, "service": service, "events": list(events)},
    )


def unbind(conn: Connection, tenant: str, service: str) -> None:
    """The tenant's traffic goes to the core."""
    conn.execute(
        text(
            "UPDATE steward.takeovers SET bound = false, events = '{}'"
            " WHERE tenant = :tenant AND service = :service"
        ),
        {"tenant": tenant, "service": service},
    )


def renew(conn: Connection, tenant: str, service: str, instance: str, seconds: float) -> None:
    """Begin or go on with a lease."""
    conn.execute(
        text(
            "INSERT INTO steward.leases (tenant, service, instance, until)"
            " VALUES (:tenant, :service, :instance, clock_timestamp() + make_interval(secs => :seconds))"
            " ON CONFLICT (tenant, service, instance) DO UPDATE SET until = excluded.until, leaving = false"
        ),
        {"tenant": tenant, "service": service, "instance": instance, "seconds": seconds},
    )


def leave(conn: Connection, tenant: str, service: str, instance: str, seconds: float) -> None:
    """The instance takes nothing new and has `seconds` to finish what it holds."""
    conn.execute(
        text(
            "UPDATE steward.leases SET leaving = true,"
            " until = clock_timestamp() + make_interval(secs => :seconds)"
            " WHERE tenant = :tenant AND service = :service AND instance = :instance"
        ),
        {"tenant": tenant, "service": service, "instance": instance, "seconds": seconds},
    )


def forget(conn: Connection, tenant: str, service: str, instance: str) -> None:
    """The instance holds nothing any more."""
    conn.execute(
        text(
            "DELETE FROM steward.leases"
            " WHERE tenant = :tenant AND service = :service AND instance = :instance"
        ),
        {"tenant": tenant, "service": service, "instance": instance},
    )


def forget_lapsed(conn: Connection, tenant: str, service: str) -> list[str]:
    """Drop the leases that have lapsed; returns whose they were."""
    rows = conn.execute(
        text(
            "DELETE FROM steward.leases WHERE tenant = :tenant AND service = :service"
            " AND until < clock_timestamp() RETURNING instance"
        ),
        {"tenant": tenant, "service": service},
    )
    return [row[0] for row in rows]


def holders(conn: Connection, tenant: str | None = None, service: str | None = None) -> list[Holder]:
    """Everyone whose lease has not lapsed, or those of one tenant's part of one service."""
    rows = conn.execute(
        text(
            "SELECT tenant, service, instance, leaving, since, until FROM steward.leases"
            " WHERE (CAST(:tenant AS text) IS NULL OR tenant = :tenant)"
            " AND (CAST(:service AS text) IS NULL OR service = :service) AND until >= clock_timestamp()"
            " ORDER BY tenant, service, instance"
        ),
        {"tenant": tenant, "service": service},
    )
    return [Holder(*row) for row in rows]


def forget_the_dead_of_the_living(conn: Connection) -> None:
    """Drop lapsed leases where somebody else goes on serving: there is nothing to take back."""
    conn.execute(
        text(
            "DELETE FROM steward.leases l WHERE l.until < clock_timestamp() AND EXISTS"
            " (SELECT 1 FROM steward.leases o WHERE o.tenant = l.tenant AND o.service = l.service"
            " AND o.until >= clock_timestamp())"
        )
    )


def unattended(conn: Connection) -> list[tuple[str, str]]:
    """The takeovers in which nobody holds a lease that has not lapsed."""
    rows = conn.execute(
        text(
            "SELECT tenant, service FROM steward.takeovers t WHERE NOT EXISTS (SELECT 1 FROM steward.leases l"
            " WHERE l.tenant = t.tenant AND l.service = t.service AND l.until >= clock_timestamp())"
            " ORDER BY tenant, service"
        )
    )
    return [(row[0], row[1]) for row in rows]


def quiet_for(conn: Connection, tenant: str, service: str, quiet: bool) -> float:
    """Note whether the tenant's queue is empty and unconsumed; returns for how many seconds it has been."""
    seconds = conn.execute(
        text(
            "UPDATE steward.takeovers SET quiet_since ="
            " CASE WHEN :quiet THEN coalesce(quiet_since, clock_timestamp()) END"
            " WHERE tenant = :tenant AND service = :service"
            " RETURNING extract(epoch FROM clock_timestamp() - quiet_since)"
        ),
        {"tenant": tenant, "service": service, "quiet": quiet},
    ).scalar_one()
    return 0.0 if seconds is None else float(seconds)


def drop(conn: Connection, tenant: str, service: str) -> None:
    """Nothing is left of the takeover."""
    conn.execute(
        text("DELETE FROM steward.takeovers WHERE tenant = :tenant AND service = :service"),
        {"tenant": tenant, "service": service},
    )


def forget_answers(conn: Connection) -> None:
    """Drop the answers that nobody can ask for again: a call's repeat comes within seconds."""
    conn.execute(text("DELETE FROM steward.answers WHERE answered_at < now() - interval '10 minutes'"))
