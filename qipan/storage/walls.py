"""The wall between tenants in the database: row-level security, forced, on every table that has a tenant.

Whose a row is decides its column `tenant`; whose a connection is, the role it logged in with, by a table that only the
administrator writes (`tenant_roles.MAPPING`). No setting takes part, so there is none to change. A service's own role
sees every tenant. What a tenant may do with others' rows, because it is a party to them, each service says in its
`walls.sql`, and gives its reasons there.
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from sqlalchemy import Connection, text

from qipan.storage.database import make_engine
from qipan.storage.migrate import VERSION_TABLE
from qipan.storage.roles import role_of
from qipan.storage.tenant_roles import MAPPING, tenants_of

MINE = f"(SELECT r.tenant FROM {MAPPING} r WHERE r.role = session_user)"
"""The tenant whose role logged in: looked up once a statement. `session_user` stays what it is through SET ROLE and
in functions that run with another's rights; only a superuser changes it."""


def own(column: str) -> str:
    """The condition that a row is the connection's tenant's, or an exercise's shadow of it."""
    return f"split_part({column}, '~', 1) = {MINE}"


def raise_walls(url: str, service: str, folder: Path) -> None:
    """Put policies and rights on all of a service's tables, as their owner. Safe to run again.

    Tables are taken as they are: run it after each migration. One that it was not run for is open to no tenant, for a
    tenant's role has no right there. Nothing is locked when all stands as it should. `folder` is the service's.
    Partitions come and go as a service makes them (`closed`); tenants reach them through their table alone.
    """
    file = folder / "walls.sql"
    beside = file.read_text() if file.exists() else ""
    engine = make_engine(url, pool_size=1)
    try:
        with engine.begin() as conn:
            conn.execute(
                text("SELECT pg_advisory_xact_lock(hashtext(:name))"), {"name": f"qipan.walls.{service}"}
            )
            statements = list(_statements(conn, service, beside))
            wanted = hashlib.sha256("\n".join(statements).encode()).hexdigest()
            if _open_tables(conn, service) or _said(conn, service) != f"{wanted} {_standing(conn, service)}":
                shut = [line for name in _partitions(conn, service) for line in closed(conn, name)]
                _run(conn, [*_cleared(conn, service), *shut, *statements])
                said = f"{wanted} {_standing(conn, service)}"
                _run(conn, [f"COMMENT ON SCHEMA {service} IS '{said}'"])
    finally:
        engine.dispose()


def closed(conn: Connection, partition: str) -> list[str]:
    """What closes a partition to everybody but its owner, as it is now: `<schema>.<table>`.

    Who reads or writes the table of which it is a part is judged by that table's policies and rights, never by a
    partition's; without any here there is no way beside them.
    """
    owner = conn.execute(_OWNER, {"table": partition}).scalar_one()
    policies = conn.execute(_POLICIES_OF, {"table": partition}).scalars()
    others = conn.execute(_GRANTED, {"table": partition}).scalars()
    return [
        f"ALTER TABLE {partition} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY",
        *(f"DROP POLICY {policy} ON {partition}" for policy in policies),
        *(f"REVOKE ALL ON {partition} FROM {other}" for other in others),
        f"CREATE POLICY core ON {partition} TO {owner} USING (true) WITH CHECK (true)",
    ]


def tenants_tables(conn: Connection, schema: str) -> list[str]:
    """Every table of a schema whose rows have a tenant, without the partitions of one."""
    rows = conn.execute(
        text(
            "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
            " WHERE c.relnamespace = to_regnamespace(:schema) AND c.relkind IN ('r', 'p')"
            " AND NOT c.relispartition AND a.attname = 'tenant' AND NOT a.attisdropped ORDER BY c.relname"
        ),
        {"schema": schema},
    )
    return [row[0] for row in rows]


def _statements(conn: Connection, service: str, beside: str) -> Iterable[str]:
    core, tenants, mine = role_of(service), tenants_of(service), own("tenant")
    has_tenants = conn.execute(text("SELECT to_regrole(:role)"), {"role": tenants}).scalar() is not None
    for table in (f"{service}.{name}" for name in tenants_tables(conn, service)):
        yield f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY"
        yield f"CREATE POLICY core ON {table} TO {core} USING (true) WITH CHECK (true)"
        if has_tenants:
            yield f"CREATE POLICY own ON {table} TO {tenants} USING ({mine}) WITH CHECK ({mine})"
            yield f"REVOKE ALL ON {table} FROM {tenants}"
            yield f"GRANT SELECT, INSERT, DELETE ON {table} TO {tenants}"
            # Whose a row is, and which, is never changed: none can be moved across the wall.
            if changeable := _changeable(conn, table):
                yield f"GRANT UPDATE ({', '.join(changeable)}) ON {table} TO {tenants}"
    if has_tenants:
        yield f"GRANT SELECT ON {service}.{VERSION_TABLE} TO {tenants}"
        yield beside.replace("{tenants}", tenants).replace("{mine}", MINE)


def _cleared(conn: Connection, schema: str) -> list[str]:
    """Without the policies that are there; in one transaction with those that come, so that no gap shows."""
    return [f"DROP POLICY {row.polname} ON {row.on}" for row in conn.execute(_POLICIES, {"schema": schema})]


def _partitions(conn: Connection, schema: str) -> list[str]:
    return [str(name) for name in conn.execute(_PARTITIONS, {"schema": schema}).scalars()]


def _open_tables(conn: Connection, schema: str) -> int:
    return int(conn.execute(_OPEN, {"schema": schema}).scalar_one())


def _said(conn: Connection, schema: str) -> str:
    """What was noted when the walls were raised; empty when they never were."""
    return str(conn.execute(_SAID, {"schema": schema}).scalar() or "")


def _standing(conn: Connection, schema: str) -> str:
    """A mark of all policies and rights that there are now, those on single columns as well.

    Of partitions `_OPEN` says whether they are closed.
    """
    return str(conn.execute(_MARK, {"schema": schema}).scalar_one())


def _run(conn: Connection, statements: Iterable[str]) -> None:
    """As they are, by the driver: a file may hold many, and percent signs."""
    cursor = conn.connection.cursor()
    try:
        for statement in filter(str.strip, statements):
            cursor.execute(statement)
    finally:
        cursor.close()


def _changeable(conn: Connection, table: str) -> list[str]:
    """The columns that a row may be given anew: all but the tenant and the rest of its primary key."""
    return [f'"{row[0]}"' for row in conn.execute(_CHANGEABLE, {"table": table})]


_POLICIES = text(
    "SELECT p.polname, p.polrelid::regclass::text AS on FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid"
    " WHERE c.relnamespace = to_regnamespace(:schema) AND NOT c.relispartition ORDER BY 2, 1"
)
_OPEN = text(
    "SELECT count(*) FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
    " WHERE c.relnamespace = to_regnamespace(:schema) AND c.relkind IN ('r', 'p') AND a.attname = 'tenant'"
    " AND (NOT (c.relrowsecurity AND c.relforcerowsecurity) OR c.relispartition AND ("
    "  (SELECT array_agg(p.polroles) FROM pg_policy p WHERE p.polrelid = c.oid)"
    "   IS DISTINCT FROM ARRAY[ARRAY[c.relowner]]"
    "  OR EXISTS (SELECT FROM aclexplode(c.relacl) AS r WHERE r.grantee <> c.relowner)"
    "  OR EXISTS (SELECT FROM pg_attribute t WHERE t.attrelid = c.oid AND t.attacl IS NOT NULL)))"
)
_PARTITIONS = text(
    "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
    " JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant'"
    " WHERE n.nspname = :schema AND c.relispartition AND c.relkind IN ('r', 'p') ORDER BY 1"
)
_OWNER = text("SELECT relowner::regrole::text FROM pg_class WHERE oid = to_regclass(:table)")
_POLICIES_OF = text(
    "SELECT quote_ident(polname) FROM pg_policy WHERE polrelid = to_regclass(:table) ORDER BY 1"
)
_GRANTED = text(
    "SELECT CASE r.grantee WHEN 0 THEN 'PUBLIC' ELSE r.grantee::regrole::text END"
    " FROM pg_class c, LATERAL (SELECT (aclexplode(c.relacl)).grantee UNION SELECT (aclexplode(t.attacl)).grantee"
    " FROM pg_attribute t WHERE t.attrelid = c.oid) AS r"
    " WHERE c.oid = to_regclass(:table) AND r.grantee <> c.relowner ORDER BY 1"
)
_SAID = text("SELECT obj_description(to_regnamespace(:schema), 'pg_namespace')")
_MARK = text(
    "SELECT md5(coalesce(string_agg(concat_ws('|', c.relname, c.relacl, (SELECT string_agg(concat_ws('=', a.attname,"
    " a.attacl), ',' ORDER BY a.attnum) FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attacl IS NOT NULL),"
    " p.polname, p.polcmd, p.polpermissive, p.polroles, pg_get_expr(p.polqual, p.polrelid),"
    " pg_get_expr(p.polwithcheck, p.polrelid)), chr(10) ORDER BY c.relname, p.polname), ''))"
    " FROM pg_class c LEFT JOIN pg_policy p ON p.polrelid = c.oid"
    " WHERE c.relnamespace = to_regnamespace(:schema) AND c.relkind IN ('r', 'p') AND NOT c.relispartition"
)
_CHANGEABLE = text(
    "SELECT a.attname FROM pg_attribute a WHERE a.attrelid = to_regclass(:table) AND a.attnum > 0"
    " AND NOT a.attisdropped AND a.attname <> 'tenant' AND NOT EXISTS (SELECT FROM pg_index i"
    " WHERE i.indrelid = a.attrelid AND i.indisprimary AND a.attnum = ANY(i.indkey)) ORDER BY a.attnum"
)
