"""One schema and one login role per service, and one role a tenant beside it: who sees which tables, and which rows."""

from collections.abc import Iterable

from sqlalchemy import Connection, make_url, text

from qipan.contracts.subscriptions import CORE_SERVICES
from qipan.storage.database import make_engine
from qipan.storage.roles import put_role, role_of, role_password
from qipan.storage.tenant_roles import TenantRole, provision_tenants, remove_tenant

SCHEMAS = ("intake", "dispatch", "notify", "analytics", "gateway", "steward")


def service_url(admin_url: str, service: str, secret: str) -> str:
    """The database URL that `service` gets: the administrator's, with the service's own role."""
    url = make_url(admin_url).set(username=role_of(service), password=role_password(service, secret))
    return url.render_as_string(hide_password=False)


def tenant_url(admin_url: str, service: str, tenant: str, secret: str) -> str:
    """The database URL that a tenant's own process of `service` gets."""
    return TenantRole(service, tenant).url(admin_url, secret)


def provision(
    admin_url: str, secret: str, schemas: tuple[str, ...] = SCHEMAS, tenants: Iterable[str] = ()
) -> None:
    """Create or repair every service's role and schema, and the roles of the `tenants`. Safe to run again."""
    engine = make_engine(admin_url, pool_size=1)
    try:
        with engine.begin() as conn:
            database = conn.execute(text("SELECT current_database()")).scalar_one()
            conn.execute(text("SELECT pg_advisory_xact_lock(hashtext('qipan.provision'))"))
            conn.execute(text(f'REVOKE ALL ON DATABASE "{database}" FROM PUBLIC'))
            conn.execute(text("REVOKE ALL ON SCHEMA public FROM PUBLIC"))
            for service in schemas:
                _provision(conn, database, service, role_password(service, secret))
            own = [service for service in schemas if service in CORE_SERVICES]
            provision_tenants(conn, database, secret, own, tenants)
    finally:
        engine.dispose()


def withdraw_tenant(admin_url: str, tenant: str) -> None:
    """Remove a tenant's roles in every service; its rows stay. Safe to run again."""
    engine = make_engine(admin_url, pool_size=1)
    try:
        with engine.begin() as conn:
            database = conn.execute(text("SELECT current_database()")).scalar_one()
            conn.execute(text("SELECT pg_advisory_xact_lock(hashtext('qipan.provision'))"))
            remove_tenant(conn, database, CORE_SERVICES, tenant)
    finally:
        engine.dispose()


def _provision(conn: Connection, database: str, service: str, password: str) -> None:
    role = role_of(service)
    put_role(conn, role, password)
    conn.execute(text(f"CREATE SCHEMA IF NOT EXISTS {service}"))
    conn.execute(text(f"ALTER SCHEMA {service} OWNER TO {role}"))
    conn.execute(text(f'GRANT CONNECT ON DATABASE "{database}" TO {role}'))
    conn.execute(text(f'ALTER ROLE {role} IN DATABASE "{database}" SET search_path = {service}'))
