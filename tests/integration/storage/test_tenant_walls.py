"""A tenant's own role on the database tries every table, and then every way around. It finds and changes nothing.

Sandun attacks, Wenxin is attacked. The last tests are the controls: without the policies the same attacks succeed.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import Connection, sql
from psycopg.types.json import Jsonb
from sqlalchemy import Column, Table, make_url, text

from qipan.hosting.embedded import EmbeddedPostgres
from qipan.ids import new_id
from qipan.storage.database import make_engine
from qipan.storage.migrate import migrate
from qipan.storage.provision import SCHEMAS, provision, service_url, tenant_url
from qipan.storage.roles import put_role
from qipan.storage.tenant_roles import TenantRole, tenants_of
from qipan.storage.walls import raise_walls

SERVICES = Path(__file__).parents[3] / "services"
OWN = ("intake", "dispatch", "notify", "analytics")
"""What a tenant may run itself."""
SECRET = "of this test"
TENANTS = ("sandun", "wenxin", "traffic-police")
NOW = datetime(2026, 3, 9, 4, tzinfo=UTC)


def tables(service: str) -> list[Table]:
    declared = import_module(f"services.{service}.tables").metadata.sorted_tables
    return [table for table in declared if "tenant" in table.c]


TABLES = [table for service in OWN for table in tables(service)]


@pytest.fixture(scope="module")
def admin(postgres: EmbeddedPostgres) -> Iterator[str]:
    """A database with every service's tables, walls raised, and a row of each tenant in each table."""
    name = f"walls_{new_id().replace('-', '')}"
    url = postgres.create_database(name)
    provision(url, SECRET, tenants=TENANTS)
    for service in SCHEMAS:
        own = service_url(url, service, SECRET)
        secrets = {"QIPAN_CONTACT_KEYS": f"1:{'c3' * 32}", "QIPAN_DOOR_SECRET": "door"}
        migrate(own, service, SERVICES, secrets=secrets if service == "intake" else {})
        raise_walls(own, service, SERVICES / service)
    with connected(url) as conn:
        conn.execute("SET session_replication_role = replica")  # rows as such, without what follows from them
        for table in TABLES:
            for tenant in TENANTS:
                insert(conn, table, tenant)
    yield url
    postgres.drop_database(name)


@contextmanager
def connected(url: str) -> Iterator[Connection[Any]]:
    address = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with closing(psycopg.connect(address, autocommit=True)) as conn:
        yield conn


def as_sandun(admin: str, service: str, tenant: str = "sandun") -> Any:
    return connected(tenant_url(admin, service, tenant, SECRET))


def insert(conn: Connection[Any], table: Table, tenant: str, key: str = "a", **given: Any) -> None:
    values = {column.name: value(column, key) for column in table.columns if filled(column)}
    values |= {"tenant": tenant, **given}
    conn.execute(
        sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
            name(table),
            sql.SQL(", ").join(map(sql.Identifier, values)),
            sql.SQL(", ").join([sql.Placeholder()] * len(values)),
        ),
        list(values.values()),
    )


def filled(column: Column[Any]) -> bool:
    return (
        column.identity is None
        and (column.primary_key or not column.nullable)
        and column.server_default is None
    )


CHECKED = {"notify.callouts.state": "open"}
"""What a column must hold that may hold a few words only."""


def value(column: Column[Any], key: str) -> Any:
    kind = type(column.type).__name__
    if (said := CHECKED.get(f"{column.table}.{column.name}")) is not None:
        return said
    found = {
        "Text": key,
        "TSVECTOR": key,
        "DateTime": NOW,
        "JSONB": Jsonb({}),
        "ARRAY": [key],
        "LargeBinary": b"{}",
        "Boolean": True,
        "Double": 1.0,
        "Date": NOW.date(),
    }
    return found.get(kind, 1)


def name(table: Table) -> sql.Composable:
    return sql.Identifier(str(table.schema), table.name)


REFUSED = (
    psycopg.errors.InsufficientPrivilege,
    psycopg.errors.RestrictViolation,  # a table that is only added to
    psycopg.errors.GeneratedAlways,
)


def rows_of(conn: Connection[Any], table: Table, tenant: str) -> int:
    """How many of the tenant's rows are seen; a refusal is none."""
    try:
        query = sql.SQL("SELECT count(*) FROM {} WHERE tenant OPERATOR(pg_catalog.=) %s").format(name(table))
        row = conn.execute(query, [tenant]).fetchone()
    except psycopg.errors.InsufficientPrivilege:
        return 0
    assert row is not None
    return int(row[0])


def content(admin: str, table: Table, tenant: str = "wenxin") -> list[Any]:
    with connected(admin) as conn:
        query = sql.SQL("SELECT * FROM {} WHERE tenant = %s ORDER BY 1, 2").format(name(table))
        return conn.execute(query, [tenant]).fetchall()


def changed(conn: Connection[Any], statement: sql.Composable, *values: Any) -> int:
    """How many rows a statement changed; a refusal is none."""
    try:
        return conn.execute(statement, values).rowcount
    except REFUSED:
        return 0


def attack(conn: Connection[Any], table: Table) -> int:
    """Rows of Wenxin's read or changed by whatever a statement can do to a table."""
    here = name(table)
    theirs = sql.SQL("tenant OPERATOR(pg_catalog.=) 'wenxin'")  # whatever stands first in the path
    found = rows_of(conn, table, "wenxin")
    for column in table.columns:
        this = sql.Identifier(column.name)
        found += changed(conn, sql.SQL("UPDATE {} SET {} = {} WHERE {}").format(here, this, this, theirs))
    taken = sql.SQL("UPDATE {} SET tenant = 'wenxin' WHERE tenant OPERATOR(pg_catalog.=) 'sandun'").format(
        here
    )
    found += changed(conn, taken)
    found += changed(conn, sql.SQL("DELETE FROM {} WHERE {}").format(here, theirs))
    try:
        insert(conn, table, "wenxin", "forged")
        found += 1
    except psycopg.errors.InsufficientPrivilege:
        pass
    found += changed(conn, sql.SQL("TRUNCATE {}").format(here)) != 0
    found += copied_out(conn, here) + copied_in(conn, table)
    return found


def copied_out(conn: Connection[Any], here: sql.Composable) -> int:
    try:
        with conn.cursor().copy(sql.SQL("COPY {} (tenant) TO STDOUT").format(here)) as copy:
            return sum(bytes(line).startswith(b"wenxin") for line in copy)
    except psycopg.errors.InsufficientPrivilege:
        return 0


def copied_in(conn: Connection[Any], table: Table) -> int:
    try:
        with conn.cursor().copy(sql.SQL("COPY {} (tenant) FROM STDIN").format(name(table))) as copy:
            copy.write(b"wenxin\n")
    except (psycopg.errors.InsufficientPrivilege, psycopg.errors.FeatureNotSupported):
        return 0
    except psycopg.IntegrityError:
        pass  # a lacking column stopped it, not the wall
    return 1


@pytest.mark.parametrize("table", TABLES, ids=str)
def test_another_tenants_rows_can_neither_be_read_nor_changed(admin: str, table: Table) -> None:
    before = content(admin, table)
    assert before
    with as_sandun(admin, str(table.schema)) as conn:
        assert rows_of(conn, table, "sandun") == 1  # its own it sees
        assert attack(conn, table) == 0
    assert content(admin, table) == before


def test_every_table_with_a_tenant_has_its_wall(admin: str) -> None:
    with connected(admin) as conn:
        for service in SCHEMAS:
            for table in tables(service) if (SERVICES / service / "tables.py").exists() else ():
                row = conn.execute(
                    "SELECT relrowsecurity AND relforcerowsecurity FROM pg_class WHERE oid = to_regclass(%s)",
                    [str(table)],
                ).fetchone()
                assert row == (True,), str(table)


# Ways around. Each is tried, refused or not; what counts is what can be read and changed afterwards.
TRICKS: dict[str, tuple[str, ...]] = {
    "the core's role": ("SET ROLE qipan_dispatch", "SET SESSION AUTHORIZATION qipan_dispatch"),
    "another tenant's role": (
        "SET ROLE qipan_dispatch_wenxin",
        "SET SESSION AUTHORIZATION qipan_dispatch_wenxin",
        "SELECT set_config('role', 'qipan_dispatch_wenxin', false)",
        "SELECT set_config('session_authorization', 'qipan_dispatch_wenxin', false)",
    ),
    "the group's role": (f"SET ROLE {tenants_of('dispatch')}",),
    "settings of its own": (
        "SET app.tenant = 'wenxin'",
        "SELECT set_config('qipan.tenant', 'wenxin', false)",
        "SET application_name = 'qipan-dispatch'",
        "SET session_replication_role = replica",
    ),
    "no row security": ("SET row_security = off",),
    "other functions first in the path": (
        "CREATE FUNCTION mine.split_part(text, text, int) RETURNS text LANGUAGE sql AS $$ SELECT 'sandun' $$",
        "CREATE FUNCTION mine.session_user() RETURNS name LANGUAGE sql AS $$ SELECT 'qipan_dispatch_wenxin'::name $$",
        "CREATE FUNCTION mine.always(text, text) RETURNS boolean LANGUAGE sql AS $$ SELECT true $$",
        "CREATE OPERATOR mine.= (LEFTARG = text, RIGHTARG = text, FUNCTION = mine.always)",
        "CREATE TABLE mine.roles AS SELECT session_user::name AS role, 'wenxin' AS tenant",
        "SET search_path = mine, pg_catalog, dispatch, tenancy",
    ),
    "the tables' definition": (
        "ALTER TABLE dispatch.cases DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE dispatch.cases NO FORCE ROW LEVEL SECURITY",
        "ALTER TABLE dispatch.cases OWNER TO CURRENT_USER",
        "DROP POLICY own ON dispatch.cases",
        "CREATE POLICY all_of_it ON dispatch.cases USING (true)",
        "ALTER POLICY own ON dispatch.cases USING (true)",
        "DROP TABLE dispatch.cases CASCADE",
        "CREATE TRIGGER t AFTER INSERT ON dispatch.cases EXECUTE FUNCTION mine.always()",
        "CREATE RULE r AS ON SELECT TO dispatch.cases DO INSTEAD SELECT 1",
    ),
    "the mapping": (
        "UPDATE tenancy.roles SET tenant = 'wenxin'",
        "INSERT INTO tenancy.roles VALUES ('qipan_dispatch_sandun', 'wenxin')",
        "DELETE FROM tenancy.roles",
        "ALTER TABLE tenancy.roles OWNER TO CURRENT_USER",
    ),
    "its own role": (
        "ALTER ROLE CURRENT_USER BYPASSRLS",
        "ALTER ROLE CURRENT_USER SUPERUSER",
        "ALTER ROLE CURRENT_USER RENAME TO qipan_dispatch_wenxin_2",
        "GRANT qipan_dispatch TO CURRENT_USER",
        "GRANT qipan_dispatch_wenxin TO CURRENT_USER",
    ),
    "a part in the case": (
        "INSERT INTO dispatch.parties VALUES ('wenxin', 'a', 'sandun')",
        "INSERT INTO dispatch.handovers VALUES ('wenxin', 'a', 'sandun', 'sandun', 'taken', now())",
        "INSERT INTO dispatch.handovers VALUES ('wenxin', 'a', 'sandun', 'sandun', 'taken', now())"
        " ON CONFLICT (tenant, case_id) DO UPDATE SET holder = 'sandun', asked = 'sandun'",
        "UPDATE dispatch.handovers SET holder = 'sandun' WHERE case_id = 'a' AND tenant <> 'sandun'",
        "CREATE OR REPLACE FUNCTION dispatch.works_with(whom text) RETURNS boolean LANGUAGE sql AS 'SELECT true'",
        "ALTER FUNCTION dispatch.works_with OWNER TO CURRENT_USER",
    ),
}


@pytest.mark.parametrize("trick", TRICKS)
def test_no_setting_and_no_trick_opens_the_wall(admin: str, trick: str) -> None:
    role = TenantRole("dispatch", "sandun").name
    with connected(admin) as conn:  # even with a schema in which it may make what it likes
        conn.execute(sql.SQL("CREATE SCHEMA mine AUTHORIZATION {}").format(sql.Identifier(role)))
    before = {table.name: content(admin, table) for table in tables("dispatch")}
    try:
        with as_sandun(admin, "dispatch") as conn:
            for statement in TRICKS[trick]:
                try:
                    conn.execute(statement)
                except psycopg.Error:
                    continue
            for table in tables("dispatch"):
                assert attack(conn, table) == 0, str(table)
    finally:
        with connected(admin) as conn:
            conn.execute("DROP SCHEMA mine CASCADE")
    assert {table.name: content(admin, table) for table in tables("dispatch")} == before


def test_a_function_that_tells_what_it_is_given_is_given_nothing(admin: str) -> None:
    with connected(admin) as conn:
        conn.execute("CREATE SCHEMA leaking AUTHORIZATION qipan_dispatch_sandun")
    heard: list[str] = []
    with as_sandun(admin, "dispatch") as conn:
        conn.add_notice_handler(lambda notice: heard.append(str(notice.message_primary)))
        conn.execute(
            "CREATE FUNCTION leaking.tell(text) RETURNS boolean LANGUAGE plpgsql COST 0.0001"
            " AS $$ BEGIN RAISE NOTICE '%', $1; RETURN true; END $$"
        )
        conn.execute("SELECT * FROM dispatch.cases WHERE leaking.tell(tenant)")
    with connected(admin) as conn:
        conn.execute("DROP SCHEMA leaking CASCADE")
    assert heard == ["sandun"]


def test_an_exercises_shadow_is_its_tenants(admin: str) -> None:
    [case] = [table for table in tables("dispatch") if table.name == "cases"]
    with as_sandun(admin, "dispatch") as conn:
        insert(conn, case, "sandun~ex7", "b")
        assert rows_of(conn, case, "sandun~ex7") == 1
    with as_sandun(admin, "dispatch", "wenxin") as conn:
        assert rows_of(conn, case, "sandun~ex7") == 0
    with as_sandun(admin, "dispatch") as conn:
        conn.execute("DELETE FROM dispatch.cases WHERE tenant = 'sandun~ex7'")


def body(tenant: str, case_tenant: str, case_id: str) -> bytes:
    return json.dumps(
        {"tenant": tenant, "data": {"case": {"tenant": case_tenant, "case_id": case_id}}}
    ).encode()


def told(conn: Connection[Any], tenant: str, key: str, said: bytes) -> bool:
    try:
        conn.execute(
            "INSERT INTO dispatch.outbox (tenant, key, message_id, body) VALUES (%s, %s, %s, %s)",
            [tenant, key, new_id(), said],
        )
    except psycopg.errors.InsufficientPrivilege:
        return False
    return True


@pytest.fixture
def handed_over(admin: str) -> Iterator[None]:
    """Wenxin has two cases; one is handed over to Sandun, and the police have a hand in it."""
    [case] = [table for table in tables("dispatch") if table.name == "cases"]
    with connected(service_url(admin, "dispatch", SECRET)) as conn:
        for key in ("given", "kept"):
            insert(conn, case, "wenxin", key, report_id=key)
        conn.execute(
            "INSERT INTO dispatch.handovers VALUES ('wenxin', 'given', 'sandun', NULL, 'asked', now())"
        )
        conn.execute("UPDATE dispatch.cases SET unit_tenant = 'traffic-police' WHERE id = 'given'")
        conn.execute("INSERT INTO dispatch.loads VALUES ('traffic-police', 'officer', 1)")
    yield
    with connected(admin) as conn:
        conn.execute("DELETE FROM dispatch.cases WHERE id IN ('given', 'kept')")
        conn.execute("DELETE FROM dispatch.handovers WHERE case_id = 'given'")
        conn.execute("DELETE FROM dispatch.parties WHERE case_id = 'given'")
        conn.execute("DELETE FROM dispatch.loads WHERE worker = 'officer'")
        conn.execute("DELETE FROM dispatch.outbox WHERE message_id <> 'a'")


@pytest.mark.usefixtures("handed_over")
def test_who_takes_part_works_on_the_case_where_it_arose_and_on_no_other(admin: str) -> None:
    with as_sandun(admin, "dispatch") as conn:
        seen = conn.execute("SELECT id FROM dispatch.cases WHERE tenant = 'wenxin'").fetchall()
        assert seen == [("given",)]
        taken = conn.execute("UPDATE dispatch.cases SET stage = 'filed' WHERE tenant = 'wenxin'")
        assert taken.rowcount == 1
        conn.execute(
            "INSERT INTO dispatch.handovers VALUES ('wenxin', 'given', 'sandun', 'sandun', 'taken', now())"
            " ON CONFLICT (tenant, case_id) DO UPDATE SET holder = excluded.holder, state = excluded.state"
        )
        conn.execute(
            "INSERT INTO dispatch.timers (tenant, kind, ref, due_at) VALUES ('wenxin', 'k', 'given', now())"
        )
        assert (
            conn.execute("DELETE FROM dispatch.timers WHERE tenant = 'wenxin' AND ref = 'given'").rowcount
            == 1
        )
        assert conn.execute("DELETE FROM dispatch.cases WHERE tenant = 'wenxin'").rowcount == 0
        assert conn.execute("UPDATE dispatch.loads SET open = 2 WHERE worker = 'officer'").rowcount == 1
        assert conn.execute("DELETE FROM dispatch.loads WHERE worker = 'officer'").rowcount == 0
    with as_sandun(admin, "dispatch", "traffic-police") as conn:
        assert conn.execute("SELECT id FROM dispatch.cases WHERE tenant = 'wenxin'").fetchall() == [
            ("given",)
        ]


@pytest.mark.usefixtures("handed_over")
@pytest.mark.parametrize(
    ("tenant", "key", "said", "goes"),
    [
        ("sandun", "sandun.case.filed.v1", body("sandun", "sandun", "a"), True),
        ("sandun", "wenxin.case.filed.v1", body("wenxin", "wenxin", "given"), False),
        ("wenxin", "wenxin.case.closed.v1", body("wenxin", "wenxin", "given"), True),
        ("wenxin", "wenxin.case.closed.v1", body("wenxin", "wenxin", "kept"), False),
        ("wenxin", "wenxin.case.filed.v1", body("wenxin", "sandun", "a"), False),
        ("wenxin", "traffic-police.task.offered.v1", body("wenxin", "wenxin", "given"), False),
        ("traffic-police", "traffic-police.task.offered.v1", body("traffic-police", "wenxin", "given"), True),
        ("traffic-police", "traffic-police.task.offered.v1", body("traffic-police", "wenxin", "kept"), False),
        ("traffic-police", "traffic-police.case.filed.v1", body("traffic-police", "wenxin", "given"), False),
        ("traffic-police", "traffic-police.task.offered.v1", body("traffic-police", "sandun", "a"), False),
        ("traffic-police", "traffic-police.task.offered.v1", b"\xff", False),
    ],
)
def test_in_anothers_name_is_told_what_belongs_to_a_case_with_a_part_in_it(
    admin: str, tenant: str, key: str, said: bytes, goes: bool
) -> None:
    with as_sandun(admin, "dispatch") as conn:
        if said == b"\xff":
            with pytest.raises(psycopg.DataError):
                told(conn, tenant, key, said)
        else:
            assert told(conn, tenant, key, said) == goes


def plan(conn: Connection[Any], query: str) -> str:
    with conn.transaction():
        conn.execute("SET LOCAL enable_seqscan = off")
        return "\n".join(row[0] for row in conn.execute(f"EXPLAIN {query}"))


def test_whose_the_connection_is_is_looked_up_once_and_the_core_pays_nothing(admin: str) -> None:
    query = "SELECT state FROM dispatch.cases WHERE tenant = 'sandun' AND id = 'a'"
    with as_sandun(admin, "dispatch") as conn:
        said = plan(conn, query)
        assert "InitPlan" in said
        assert "Index Cond: ((tenant = 'sandun'::text) AND (id = 'a'::text))" in said
    with connected(service_url(admin, "dispatch", SECRET)) as conn:
        said = plan(conn, query)
        assert "Index Cond" in said
        assert "Filter" not in said
        assert "InitPlan" not in said


def test_a_tenant_that_left_sees_nothing_any_more(admin: str) -> None:
    [case] = [table for table in tables("dispatch") if table.name == "cases"]
    provision(admin, SECRET, tenants=TENANTS[1:])
    try:
        with as_sandun(admin, "dispatch") as conn:
            assert rows_of(conn, case, "sandun") == 0
    finally:
        provision(admin, SECRET, tenants=TENANTS)
    with as_sandun(admin, "dispatch") as conn:
        assert rows_of(conn, case, "sandun") == 1


def test_a_table_is_closed_to_tenants_until_its_wall_stands(admin: str) -> None:
    own = service_url(admin, "dispatch", SECRET)
    with connected(own) as core:
        core.execute("CREATE TABLE dispatch.added (tenant text PRIMARY KEY, what text)")
        core.execute("INSERT INTO dispatch.added VALUES ('sandun'), ('wenxin')")
        try:
            with as_sandun(admin, "dispatch") as conn, pytest.raises(psycopg.errors.InsufficientPrivilege):
                conn.execute("SELECT * FROM dispatch.added")
            raise_walls(own, "dispatch", SERVICES / "dispatch")
            with as_sandun(admin, "dispatch") as conn:
                assert conn.execute("SELECT tenant FROM dispatch.added").fetchall() == [("sandun",)]
        finally:
            core.execute("DROP TABLE dispatch.added")
    raise_walls(own, "dispatch", SERVICES / "dispatch")


def _no_policy(owner: Connection[Any], table: str) -> None:
    owner.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")


def _open_policy(owner: Connection[Any], table: str) -> None:
    owner.execute(f"ALTER POLICY own ON {table} USING (true) WITH CHECK (true)")


@pytest.mark.parametrize("opened", [_no_policy, _open_policy])
def test_control_without_the_wall_the_same_attack_succeeds_and_a_repair_raises_it(
    admin: str, opened: Callable[[Connection[Any], str], None]
) -> None:
    [table] = [table for table in tables("analytics") if table.name == "report_states"]
    own = service_url(admin, "analytics", SECRET)
    with connected(own) as owner:
        opened(owner, str(table))
    with as_sandun(admin, "analytics") as conn:
        assert rows_of(conn, table, "wenxin") == 1
        assert attack(conn, table) > 1
    raise_walls(own, "analytics", SERVICES / "analytics")
    with as_sandun(admin, "analytics") as conn:
        assert attack(conn, table) == 0


def test_a_right_on_a_single_column_is_noticed_and_taken_back(admin: str) -> None:
    own, column = service_url(admin, "dispatch", SECRET), ("dispatch.cases", "tenant")
    may = "SELECT has_column_privilege('qipan_dispatch_sandun', %s, %s, 'UPDATE')"
    with connected(own) as owner:
        owner.execute(f"GRANT UPDATE (tenant) ON dispatch.cases TO {tenants_of('dispatch')}")
        assert owner.execute(may, column).fetchone() == (True,)
        raise_walls(own, "dispatch", SERVICES / "dispatch")
        assert owner.execute(may, column).fetchone() == (False,)


def test_a_role_is_repaired_to_what_it_may_be(admin: str) -> None:
    engine = make_engine(admin, pool_size=1)
    with engine.connect() as conn:  # never committed
        put_role(conn, "qipan_repaired", "p")
        conn.execute(text("ALTER ROLE qipan_repaired SUPERUSER CREATEDB CREATEROLE BYPASSRLS REPLICATION"))
        put_role(conn, "qipan_repaired", "p")
        is_more = "rolsuper OR rolcreatedb OR rolcreaterole OR rolbypassrls OR rolreplication"
        found = conn.execute(text(f"SELECT {is_more} FROM pg_roles WHERE rolname = 'qipan_repaired'"))
        assert found.scalar_one() is False
    engine.dispose()
