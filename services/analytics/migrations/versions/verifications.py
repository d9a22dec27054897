"""核实: reports that a grid worker looks at before they are filed, and whether in time."""

from alembic import op

revision = "verifications"
down_revision = "returns"
branch_labels = None
depends_on = None

COUNTERS = ("verifying", "verified", "verified_on_time")


def upgrade() -> None:
    """Add the counters and the state."""
    op.execute("ALTER TABLE analytics.report_states ADD COLUMN verified_on_time smallint")
    for counter in COUNTERS:
        op.execute(f"ALTER TABLE analytics.totals ADD COLUMN {counter} integer NOT NULL DEFAULT 0")


def downgrade() -> None:
    """Drop them."""
    op.execute("ALTER TABLE analytics.report_states DROP COLUMN verified_on_time")
    for counter in COUNTERS:
        op.execute(f"ALTER TABLE analytics.totals DROP COLUMN {counter}")
