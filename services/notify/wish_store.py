"""People's wishes as rows: read for a whole batch at once."""

from collections.abc import Iterable, Mapping

from sqlalchemy import Connection, text

from qipan.contracts.preferences import Wishes
from qipan.storage import arrays

NONE = Wishes()

_OF = text(
    "SELECT w.tenant, w.person, w.wishes FROM notify.wishes AS w"
    " JOIN unnest(CAST(:tenants AS text[]), CAST(:people AS text[])) AS asked (tenant, person) USING (tenant, person)"
)
_FOLLOWERS = text(
    "SELECT tenant, person, wishes FROM notify.wishes"
    " WHERE tenant = ANY(CAST(:tenants AS text[])) AND wishes -> 'follows' <> '[]'"
)
_KEEP = text(
    "INSERT INTO notify.wishes (tenant, person, wishes) VALUES (:tenant, :person, CAST(:wishes AS jsonb))"
    " ON CONFLICT (tenant, person) DO UPDATE SET wishes = excluded.wishes, changed_at = now()"
)


def wishes_of(conn: Connection, people: Iterable[tuple[str, str]]) -> Mapping[tuple[str, str], Wishes]:
    """What these people (tenant, id) wish; who wishes nothing is left out."""
    asked = sorted(set(people))
    if not asked:
        return {}
    rows = conn.execute(
        _OF, {"tenants": arrays.texts(t for t, _ in asked), "people": arrays.texts(p for _, p in asked)}
    )
    return {(row.tenant, row.person): Wishes.model_validate(row.wishes) for row in rows}


def followers(conn: Connection, tenants: Iterable[str]) -> Mapping[tuple[str, str], list[str]]:
    """Who follows what: (tenant, event) → people."""
    found: dict[tuple[str, str], list[str]] = {}
    for row in conn.execute(_FOLLOWERS, {"tenants": arrays.texts(sorted(set(tenants)))}):
        for event in row.wishes["follows"]:
            found.setdefault((row.tenant, event), []).append(row.person)
    return found


def keep(conn: Connection, tenant: str, person: str, wishes: Wishes) -> None:
    """From now on."""
    conn.execute(_KEEP, {"tenant": tenant, "person": person, "wishes": wishes.model_dump_json()})
