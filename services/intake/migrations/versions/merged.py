"""Which reports were joined to a report, found by that."""

from alembic import op

revision = "merged"
down_revision = "feed"
branch_labels = None
depends_on = None

SCHEMA = "intake"


def upgrade() -> None:
    """Index them; of a report that was joined to none nothing is kept."""
    op.execute(
        f"CREATE INDEX reports_merged ON {SCHEMA}.reports (tenant, merged_into) WHERE merged_into IS NOT NULL"
    )


def downgrade() -> None:
    """Drop it."""
    op.execute(f"DROP INDEX {SCHEMA}.reports_merged")
