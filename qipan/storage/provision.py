"""One schema and one login role per service: a service sees its own tables and no other's."""

import hashlib
import hmac

from sqlalchemy import Connection, make_url, text

from qipan.storage.database import make_engine

SCHEMAS = ("intake", "dispatch", "notify", "analytics", "gateway", "steward")


def role_of(service: str) -> str:
    """The login role of a service."""
    return f"qipan_{service}"


def role_password(service: str, secret: str) -> str:
    """The password of a service's role: derived from the installation's secret, so that nobody has to store it."""
    return hmac.new(secret.encode(), f"postgresql:{service}".encode(), hashlib.sha256).hexdigest()


def service_url(admin_url: str, service: str, secret: str) -> str:
    """The database URL that `service` gets: the administrator's, with the service's own role."""
    url = make_url(admin_url).set(username=role_of(service), password=role_password(service, secret))
    return url.render_as_string(hide_password=False)


def provision(admin_url: str, secret: str, schemas: tuple[str, ...] = SCHEMAS) -> None:
    """Create or repair every service's role and schema. Safe to run again."""
    engine = make_engine(admin_url, pool_size=1)
    try:
        with engine.begin() as conn:
            database = conn.execute(text("SELECT current_database()")).scalar_one()
            conn.execute(text("SELECT pg_advisory_xact_lock(hashtext('qipan.provision'))"))
            conn.execute(text(f'REVOKE ALL ON DATABASE "{database}" FROM PUBLIC'))
            conn.execute(text("REVOKE ALL ON SCHEMA public FROM PUBLIC"))
            for service in schemas:
                _provision(conn, database, service, role_password(service, secret))
    finally:
        engine.dispose()


def _provision(conn: Connection, database: str, service: str, password: str) -> None:
    role = role_of(service)
    known = conn.execute(text("SELECT 1 FROM pg_roles WHERE rolname = :role"), {"role": role}).scalar()
    verb = "ALTER" if known else "CREATE"
    conn.execute(text(f"{verb} ROLE {role} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD '{password}'"))
    conn.execute(text(f"CREATE SCHEMA IF NOT EXISTS {service}"))
    conn.execute(text(f"ALTER SCHEMA {service} OWNER TO {role}"))
    conn.execute(text(f'GRANT CONNECT ON DATABASE "{database}" TO {role}'))
    conn.execute(text(f'ALTER ROLE {role} IN DATABASE "{database}" SET search_path = {service}'))
