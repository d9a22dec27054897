"""Whose a declined report is."""

from alembic import op

revision = "responsible"
down_revision = "0005_what"
branch_labels = None
depends_on = None

SCHEMA = "intake"


def upgrade() -> None:
    """Add who sees to it instead."""
    op.execute(f"ALTER TABLE {SCHEMA}.reports ADD COLUMN responsible jsonb")


def downgrade() -> None:
    """Drop it."""
    op.execute(f"ALTER TABLE {SCHEMA}.reports DROP COLUMN responsible")
