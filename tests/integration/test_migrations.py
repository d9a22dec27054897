"""What the migrations make is what the code believes."""

from importlib import import_module
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, text

from qipan.storage import migrate
from qipan.testing import Databases

SERVICES = Path(__file__).parents[2] / "services"


# a module or a package; a folder that only caches left behind is neither
WITH_TABLES = {found.relative_to(SERVICES).parts[0] for found in SERVICES.glob("*/tables/*.py")} | {
    found.parent.name for found in SERVICES.glob("*/tables.py")
}


@pytest.mark.parametrize("service", sorted(WITH_TABLES))
def test_the_migrated_schema_is_the_declared_one(service: str, database_url: Databases) -> None:
    url = database_url()
    engine = create_engine(url)
    with engine.begin() as conn:
        conn.execute(text(f"CREATE SCHEMA {service}"))
    migrate.migrate(url, service, SERVICES)
    with engine.connect() as conn:  # they have their table's columns, or could not be part of it
        partitions = set(conn.execute(text("SELECT relname FROM pg_class WHERE relispartition")).scalars())
    undeclared = {migrate.VERSION_TABLE, *partitions}
    options = {
        "include_schemas": True,
        "include_name": lambda name, kind, _parents: kind != "schema" or name == service,
        "include_object": lambda _thing, name, _kind, _reflected, _other: name not in undeclared,
    }
    metadata = import_module(f"services.{service}.tables").metadata
    with engine.connect() as conn:
        assert compare_metadata(MigrationContext.configure(conn, opts=options), metadata) == []
    engine.dispose()
    assert migrate.current(url, service) == migrate.head(service, SERVICES)
