"""Disputed returns that wait for the district's arbiter."""

import sqlalchemy as sa
from alembic import op

revision = "returns"
down_revision = "modes"
branch_labels = None
depends_on = None

SCHEMA = "dispatch"


def upgrade() -> None:
    stamp = sa.DateTime(timezone=True)
    op.create_table(
        "disputes",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("case_id", sa.Text, primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True),
        sa.Column("raised_at", stamp, nullable=False),
        sa.Column("due_at", stamp, nullable=False),
        sa.Column("ended_at", stamp),
        sa.Column("what", sa.Text),
        sa.Column("who", sa.Text),
        schema=SCHEMA,
    )
    op.create_index(
        "disputes_waiting",
        "disputes",
        ["tenant", "due_at", "case_id"],
        schema=SCHEMA,
        postgresql_where=sa.text("ended_at IS NULL"),
    )


def downgrade() -> None:
    op.drop_table("disputes", schema=SCHEMA)
