"""What a report was joined to or may be the same as, with likeness, distance and reasons."""

from alembic import op

revision = "duplicates"
down_revision = "merged"
branch_labels = None
depends_on = None

SCHEMA = "intake"


def upgrade() -> None:
    """Add them; of reports that are there nothing is known."""
    op.execute(f"ALTER TABLE {SCHEMA}.reports ADD COLUMN duplicates jsonb")


def downgrade() -> None:
    """Drop them."""
    op.execute(f"ALTER TABLE {SCHEMA}.reports DROP COLUMN duplicates")
