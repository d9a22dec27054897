"""Extensions (延期) of each case, and how many of the due ones had any."""

from alembic import op

revision = "extensions"
down_revision = "callbacks"
branch_labels = None
depends_on = None

COUNTERS = ("extended_disposed", "extended_undisposed")


def upgrade() -> None:
    """Add the state and the counters."""
    op.execute("ALTER TABLE analytics.case_states ADD COLUMN extensions integer NOT NULL DEFAULT 0")
    for counter in COUNTERS:
        op.execute(f"ALTER TABLE analytics.totals ADD COLUMN {counter} integer NOT NULL DEFAULT 0")


def downgrade() -> None:
    """Drop them."""
    op.execute("ALTER TABLE analytics.case_states DROP COLUMN extensions")
    for counter in COUNTERS:
        op.execute(f"ALTER TABLE analytics.totals DROP COLUMN {counter}")
