"""The rows of operating modes: every switch of every town; the newest one holds."""

from collections.abc import Iterable

from sqlalchemy import Connection, insert, select, text

from qipan.contracts.modes import ModeState
from services.dispatch.tables import modes

HISTORY = 100


def lock(conn: Connection, tenant: str) -> None:
    """Let nobody else switch the tenant's mode until the transaction ends."""
    conn.execute(text("SELECT pg_advisory_xact_lock(hashtext(:name))"), {"name": f"mode {tenant}"})


def newest_of(conn: Connection, tenants: Iterable[str]) -> dict[str, ModeState]:
    """The newest switch of each of these tenants that ever switched."""
    query = select(modes).where(modes.c.tenant.in_(sorted(set(tenants)))).distinct(modes.c.tenant)
    rows = conn.execute(query.order_by(modes.c.tenant, modes.c.number.desc()))
    return {row.tenant: ModeState(**row._mapping) for row in rows}


def history_of(conn: Connection, tenant: str) -> tuple[ModeState, ...]:
    """A tenant's switches, the newest first."""
    query = select(modes).where(modes.c.tenant == tenant).order_by(modes.c.number.desc()).limit(HISTORY)
    return tuple(ModeState(**row._mapping) for row in conn.execute(query))


def add(conn: Connection, state: ModeState) -> None:
    """Record a switch."""
    conn.execute(insert(modes), state.model_dump(mode="python"))
