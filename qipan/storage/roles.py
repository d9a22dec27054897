"""Login roles: their names, and passwords that nobody has to store."""

import hashlib
import hmac

from sqlalchemy import Connection, text


def role_of(service: str) -> str:
    """The login role of a service."""
    return f"qipan_{service}"


def role_password(owner: str, secret: str) -> str:
    """The password of a role, from the installation's secret; `owner` is a service, or `service@tenant`."""
    return hmac.new(secret.encode(), f"postgresql:{owner}".encode(), hashlib.sha256).hexdigest()


def put_role(conn: Connection, role: str, password: str) -> None:
    """Create or repair a role that can log in and nothing else."""
    known = conn.execute(text("SELECT 1 FROM pg_roles WHERE rolname = :role"), {"role": role}).scalar()
    verb = "ALTER" if known else "CREATE"
    nothing_else = "NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS NOREPLICATION"
    conn.execute(text(f"{verb} ROLE \"{role}\" LOGIN {nothing_else} PASSWORD '{password}'"))
