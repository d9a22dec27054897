"""Unjustified returns of each case, and their total."""

from alembic import op

revision = "returns"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("case_states", "totals"):
        op.execute(f"ALTER TABLE analytics.{table} ADD COLUMN unjustified integer NOT NULL DEFAULT 0")


def downgrade() -> None:
    for table in ("case_states", "totals"):
        op.execute(f"ALTER TABLE analytics.{table} DROP COLUMN unjustified")
