"""What a report is about: what was suggested and by whom."""

from alembic import op

revision = "0005_what"
down_revision = "0004_open311"
branch_labels = None
depends_on = None

SCHEMA = "intake"


def upgrade() -> None:
    """Add a report's suggestion and its call."""
    op.execute(f"ALTER TABLE {SCHEMA}.reports ADD COLUMN call_id text, ADD COLUMN suggestion jsonb")


def downgrade() -> None:
    """Drop them."""
    op.execute(f"ALTER TABLE {SCHEMA}.reports DROP COLUMN call_id, DROP COLUMN suggestion")
