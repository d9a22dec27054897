"""Callbacks (回访) of each case, and the three rates' totals."""

from alembic import op

revision = "callbacks"
down_revision = "verifications"
branch_labels = None
depends_on = None

COUNTERS = ("contacted", "contacted_on_time", "resolved", "content")


def upgrade() -> None:
    """Add the state and the counters."""
    op.execute("ALTER TABLE analytics.case_states ADD COLUMN callback smallint NOT NULL DEFAULT 0")
    for counter in COUNTERS:
        op.execute(f"ALTER TABLE analytics.totals ADD COLUMN {counter} integer NOT NULL DEFAULT 0")


def downgrade() -> None:
    """Drop them."""
    op.execute("ALTER TABLE analytics.case_states DROP COLUMN callback")
    for counter in COUNTERS:
        op.execute(f"ALTER TABLE analytics.totals DROP COLUMN {counter}")
