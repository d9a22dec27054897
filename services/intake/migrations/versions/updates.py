"""Reporters who want to be told by mail: their addresses, sealed."""

import sqlalchemy as sa
from alembic import op

revision = "updates"
down_revision = "parties"
branch_labels = None
depends_on = None

SCHEMA = "intake"


def upgrade() -> None:
    """A table beside the reports: what is ended has no address any more."""
    op.create_table(
        "updates",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("report_id", sa.Text, primary_key=True),
        sa.Column("contact", sa.LargeBinary),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        schema=SCHEMA,
    )


def downgrade() -> None:
    """Drop it: nobody is told."""
    op.drop_table("updates", schema=SCHEMA)
