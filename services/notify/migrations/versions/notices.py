"""Messages about what has no case: reports that are to be looked at first, a town's operating mode."""

from alembic import op

revision = "notices"
down_revision = "0001"
branch_labels = None
depends_on = None

TABLES = ("messages", "deliveries")


def upgrade() -> None:
    """Let a message be about a report, or about neither."""
    for table in TABLES:
        op.execute(
            f"ALTER TABLE notify.{table} ALTER COLUMN case_id DROP NOT NULL, ADD COLUMN report_id text"
        )
        op.execute(
            f"CREATE INDEX {table}_report ON notify.{table} (about_tenant, report_id)"
            " WHERE report_id IS NOT NULL"
        )


def downgrade() -> None:
    """Drop it, with the messages that were about no case."""
    for table in TABLES:
        op.execute(f"DROP INDEX notify.{table}_report")
        op.execute(f"DELETE FROM notify.{table} WHERE case_id IS NULL")
        op.execute(f"ALTER TABLE notify.{table} DROP COLUMN report_id, ALTER COLUMN case_id SET NOT NULL")
