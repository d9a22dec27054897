"""A login role for each tenant in each service that it may run itself, and whose role each is."""

from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy import Connection, make_url, text

from qipan.storage.roles import put_role, role_of, role_password

MAPPING = "tenancy.roles"
"""Role → tenant. Its owner, the administrator, writes it; nobody else can, and a role reads its own row only."""


class TenantRole(NamedTuple):
    """The role by which a tenant's own process reads and writes a service's tables."""

    service: str
    tenant: str

    @property
    def name(self) -> str:
        """Its name in the database: `qipan_dispatch_sandun`."""
        return f"{role_of(self.service)}_{self.tenant}"

    def url(self, admin_url: str, secret: str) -> str:
        """The database URL that the tenant's process gets: the administrator's, with this role."""
        password = role_password(f"{self.service}@{self.tenant}", secret)
        url = make_url(admin_url).set(username=self.name, password=password)
        return url.render_as_string(hide_password=False)


def tenants_of(service: str) -> str:
    """The role that all tenants' roles of a service belong to, and to which the rights on its tables are given.

    No tenant's id has an underscore, so none can be called like this.
    """
    return f"{role_of(service)}_of_tenants"


def provision_tenants(
    conn: Connection, database: str, secret: str, services: Iterable[str], tenants: Iterable[str]
) -> None:
    """Make or repair every tenant's roles and the mapping; a tenant that is not named any more sees nothing."""
    services = tuple(services)
    wanted = [TenantRole(service, tenant) for service in services for tenant in sorted(tenants)]
    conn.execute(text("CREATE SCHEMA IF NOT EXISTS tenancy"))
    conn.execute(text(f"CREATE TABLE IF NOT EXISTS {MAPPING} (role name PRIMARY KEY, tenant text NOT NULL)"))
    conn.execute(text(f"ALTER TABLE {MAPPING} ENABLE ROW LEVEL SECURITY"))
    conn.execute(text(f"DROP POLICY IF EXISTS own ON {MAPPING}"))
    conn.execute(text(f"CREATE POLICY own ON {MAPPING} FOR SELECT USING (role = session_user)"))
    for service in services:
        _group(conn, service)
    for role in wanted:
        put_role(conn, role.name, role_password(f"{role.service}@{role.tenant}", secret))
        conn.execute(text(f'GRANT {tenants_of(role.service)} TO "{role.name}"'))
        conn.execute(text(f'GRANT CONNECT ON DATABASE "{database}" TO "{role.name}"'))
        conn.execute(
            text(f'ALTER ROLE "{role.name}" IN DATABASE "{database}" SET search_path = {role.service}')
        )
    conn.execute(
        text(f"DELETE FROM {MAPPING} WHERE role <> ALL(:names)"), {"names": [r.name for r in wanted]}
    )
    if wanted:
        conn.execute(
            text(
                f"INSERT INTO {MAPPING} VALUES (:role, :tenant)"
                " ON CONFLICT (role) DO UPDATE SET tenant = excluded.tenant"
            ),
            [{"role": role.name, "tenant": role.tenant} for role in wanted],
        )


def remove_tenant(conn: Connection, database: str, services: Iterable[str], tenant: str) -> None:
    """Take a tenant's roles away, and end what they still had open. Its rows stay. Safe to repeat."""
    for name in (TenantRole(service, tenant).name for service in services):
        conn.execute(text(f"DELETE FROM {MAPPING} WHERE role = :role"), {"role": name})
        if conn.execute(text("SELECT 1 FROM pg_roles WHERE rolname = :role"), {"role": name}).scalar():
            conn.execute(text(f'ALTER ROLE "{name}" NOLOGIN'))
            conn.execute(
                text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = :role"),
                {"role": name},
            )
            conn.execute(text(f'REVOKE ALL ON DATABASE "{database}" FROM "{name}"'))
            conn.execute(text(f'DROP ROLE "{name}"'))


def _group(conn: Connection, service: str) -> None:
    group = tenants_of(service)
    known = conn.execute(text("SELECT 1 FROM pg_roles WHERE rolname = :role"), {"role": group}).scalar()
    verb = "ALTER" if known else "CREATE"
    conn.execute(text(f"{verb} ROLE {group} NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS"))
    for reader in (group, role_of(service)):
        conn.execute(text(f"GRANT USAGE ON SCHEMA tenancy TO {reader}"))
        conn.execute(text(f"GRANT SELECT ON {MAPPING} TO {reader}"))
    conn.execute(text(f"GRANT USAGE ON SCHEMA {service} TO {group}"))
