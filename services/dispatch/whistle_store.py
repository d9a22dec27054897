"""The rows of whistles: each with its whole state, and the departments that it summons to search by."""

from collections.abc import Collection, Iterable

from sqlalchemy import Connection, Select, Text, cast, func, insert, literal, select, tuple_, update

from qipan.contracts.whistle import Whistles, WhistleState
from qipan.tenancy import base_of, shadow_of
from services.dispatch import handovers
from services.dispatch.reading import Key
from services.dispatch.tables import whistles
from services.dispatch.worklist import Cursor


def add(conn: Connection, whistle: WhistleState) -> None:
    """Keep a whistle that was just blown."""
    conn.execute(
        insert(whistles),
        {
            "tenant": whistle.tenant,
            "id": whistle.whistle_id,
            "case_id": whistle.case_id,
            "blown_at": whistle.blown_at,
            "departments": [one.department for one in whistle.summons],
            "state": whistle.model_dump(mode="json"),
        },
    )


def keep(conn: Connection, whistle: WhistleState) -> None:
    """Keep what became of one; its row must be locked."""
    mine = (whistles.c.tenant == whistle.tenant, whistles.c.id == whistle.whistle_id)
    changed = update(whistles).where(*mine)
    conn.execute(changed.values(ended_at=whistle.ended_at, state=whistle.model_dump(mode="json")))


def find(conn: Connection, tenant: str, id: str) -> WhistleState | None:
    """A whistle that `tenant` sees (see `page`); locked until the transaction ends."""
    row = conn.execute(_states().where(whistles.c.id == id, _seen_by(tenant)).with_for_update()).first()
    return WhistleState.model_validate_json(row[0]) if row else None


def lock_free(conn: Connection, keys: Iterable[Key]) -> dict[Key, WhistleState]:
    """Those of these (tenant, id) that nobody is working on, locked."""
    query = _states().where(tuple_(whistles.c.tenant, whistles.c.id).in_(sorted(set(keys))))
    rows = conn.execute(query.order_by(whistles.c.tenant, whistles.c.id).with_for_update(skip_locked=True))
    found = [WhistleState.model_validate_json(row[0]) for row in rows]
    return {(one.tenant, one.whistle_id): one for one in found}


def open_of(conn: Connection, tenant: str, case_id: str) -> WhistleState | None:
    """The whistle that goes on for a case."""
    mine = (whistles.c.tenant == tenant, whistles.c.case_id == case_id, whistles.c.ended_at.is_(None))
    row = conn.execute(_states().where(*mine)).first()
    return WhistleState.model_validate_json(row[0]) if row else None


def page(
    conn: Connection,
    tenant: str,
    case_id: str | None,
    after: Cursor | None,
    limit: int,
    *,
    ended: bool,
    summoning: Collection[str] | None = None,
) -> Whistles:
    """A town's whistles, those of cases that it took over, or those that summon a department; newest first.

    `summoning`: only those that summon one of these departments.
    """
    query = _states().where(_seen_by(tenant))
    query = query.where(whistles.c.ended_at.is_not(None) if ended else whistles.c.ended_at.is_(None))
    if case_id is not None:
        query = query.where(whistles.c.case_id == case_id)
    if summoning is not None:
        query = query.where(whistles.c.departments.overlap(sorted(summoning)))
    if after is not None:
        place = tuple_(literal(after.at), literal(after.id))
        query = query.where(tuple_(whistles.c.blown_at, whistles.c.id) < place)
    query = query.order_by(whistles.c.blown_at.desc(), whistles.c.id.desc()).limit(limit + 1)
    found = tuple(WhistleState.model_validate_json(row[0]) for row in conn.execute(query))
    shown = found[:limit]
    following = str(Cursor(shown[-1].blown_at, shown[-1].whistle_id)) if len(found) > limit else None
    return Whistles(whistles=shown, next=following)


def _states() -> Select[tuple[str]]:
    return select(cast(whistles.c.state, Text))


def _seen_by(tenant: str):  # type: ignore[no-untyped-def]
    """A shadow's whistles summon the shadows of departments."""
    summoned = whistles.c.departments.contains([base_of(tenant)])
    same_world = func.split_part(whistles.c.tenant, "~", 2) == (shadow_of(tenant) or "")
    held = tuple_(whistles.c.tenant, whistles.c.case_id).in_(handovers.held_by(tenant))
    return (whistles.c.tenant == tenant) | held | (summoned & same_world)
