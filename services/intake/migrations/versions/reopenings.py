"""Cases that their reporters had reopened (重开), and what reporters are told of rectifications (整改)."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "reopenings"
down_revision = "verifications"
branch_labels = None
depends_on = None

SCHEMA = "intake"


def upgrade() -> None:
    stamp = sa.DateTime(timezone=True)
    op.create_table(
        "reopenings",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("report_id", sa.Text, primary_key=True),
        sa.Column("closed_at", stamp, primary_key=True),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("at", stamp, nullable=False),
        sa.Column("real_at", stamp, nullable=False, server_default=sa.func.now()),
        schema=SCHEMA,
    )
    op.create_table(
        "follow_ups",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("report_id", sa.Text, primary_key=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("rectification", JSONB, nullable=False),
        schema=SCHEMA,
    )


def downgrade() -> None:
    op.drop_table("follow_ups", schema=SCHEMA)
    op.drop_table("reopenings", schema=SCHEMA)
