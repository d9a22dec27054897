"""Migrations: Alembic, one line of versions per service, its version table in the service's own schema."""

from collections.abc import Mapping
from pathlib import Path

from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from qipan.storage.database import make_engine

VERSION_TABLE = "alembic_version"


def script_directory(service: str, root: Path) -> ScriptDirectory:
    """The migrations of a service, found in `<root>/<service>/migrations/versions`."""
    config = Config()
    folder = root / service / "migrations"
    config.set_main_option("script_location", str(folder))
    config.set_main_option("version_locations", str(folder / "versions"))
    config.set_main_option("path_separator", "newline")
    return ScriptDirectory.from_config(config)


def migrate(
    url: str, service: str, root: Path, revision: str = "head", *, secrets: Mapping[str, str] | None = None
) -> str | None:
    """Bring a service's schema to `revision`, as the service's own role; returns the revision it had before.

    Concurrent runs wait for each other. A failed migration leaves the schema as it was. `secrets` are those of
    the service's settings, by the names of their variables, for a migration that must encrypt what it finds.
    """
    script = script_directory(service, root)
    engine = make_engine(url, pool_size=1)
    before: list[str | None] = []

    def upgrade(revisions: tuple[str, ...], context: MigrationContext) -> list[object]:
        before.append(revisions[0] if revisions else None)
        return list(script._upgrade_revs(revision, revisions))  # type: ignore[arg-type]

    try:
        with (
            EnvironmentContext(
                script.config if hasattr(script, "config") else Config(), script
            ) as environment,
            engine.connect() as conn,
            conn.begin(),
        ):
            conn.execute(
                text("SELECT pg_advisory_xact_lock(hashtext(:name))"), {"name": f"qipan.migrate.{service}"}
            )
            environment.configure(
                connection=conn,
                fn=upgrade,
                version_table=VERSION_TABLE,
                version_table_schema=service,
                transactional_ddl=True,
                secrets=dict(secrets or {}),
            )
            with Operations.context(environment.get_context()):
                environment.run_migrations()
    finally:
        engine.dispose()
    return before[0] if before else None


def head(service: str, root: Path) -> str | None:
    """The newest revision this code knows for a service."""
    return script_directory(service, root).get_current_head()


def current(url: str, service: str) -> str | None:
    """The revision that a service's schema is at; None when it was never migrated."""
    engine = make_engine(url, pool_size=1)
    try:
        with engine.connect() as conn:
            context = MigrationContext.configure(
                conn, opts={"version_table": VERSION_TABLE, "version_table_schema": service}
            )
            return context.get_current_revision()
    finally:
        engine.dispose()
