"""What the migrations make is what the code believes."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

from qipan.storage import migrate
from qipan.testing import Databases
from services.intake.tables import SCHEMA, metadata
from tests.integration.intake_here import ROOT, build_intake


def test_the_migrated_schema_is_the_declared_one(database_url: Databases) -> None:
    url = database_url(build_intake)
    engine = create_engine(url)
    with engine.connect() as conn:
        options = {
            "include_schemas": True,
            "include_name": lambda name, kind, _parents: kind != "schema" or name == SCHEMA,
            "include_object": lambda _thing, name, _kind, _reflected, _other: name != migrate.VERSION_TABLE,
        }
        assert compare_metadata(MigrationContext.configure(conn, opts=options), metadata) == []
    engine.dispose()
    assert migrate.current(url, SCHEMA) == migrate.head(SCHEMA, ROOT / "services")
