"""Reports that still have their reporter's contact, by their age: what is forgotten is found by that."""

from alembic import op

revision = "retention"
down_revision = "unseen"
branch_labels = None
depends_on = None

SCHEMA = "intake"


def upgrade() -> None:
    """Index them; of a report without contact nothing is kept."""
    op.execute(
        f"CREATE INDEX reports_contact ON {SCHEMA}.reports (tenant, received_at) WHERE contact IS NOT NULL"
    )


def downgrade() -> None:
    """Drop it."""
    op.execute(f"DROP INDEX {SCHEMA}.reports_contact")
