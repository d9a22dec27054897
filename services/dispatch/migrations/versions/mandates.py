"""Mandates granted at run time, their log, and the version by which replicas know what they have read."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "mandates"
down_revision = "handover"
branch_labels = None
depends_on = None

SCHEMA = "dispatch"


def upgrade() -> None:
    stamp = sa.DateTime(timezone=True)
    op.create_table(
        "mandates",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("department", sa.Text, nullable=False),
        sa.Column("standing", sa.Boolean, nullable=False),
        sa.Column("ended", sa.Text),
        sa.Column("state", JSONB, nullable=False),
        schema=SCHEMA,
    )
    op.create_table(
        "mandate_log",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("mandate", sa.Text, primary_key=True),
        sa.Column("what", sa.Text, primary_key=True),
        sa.Column("at", stamp, nullable=False),
        sa.Column("real_at", stamp, nullable=False, server_default=sa.text("now()")),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("authority", sa.Text, nullable=False),
        sa.Column("legal_basis", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("message_id", sa.Text),
        schema=SCHEMA,
    )
    op.create_table(
        "mandate_versions",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("version", sa.Integer, nullable=False),
        schema=SCHEMA,
    )


def downgrade() -> None:
    for table in ("mandate_versions", "mandate_log", "mandates"):
        op.drop_table(table, schema=SCHEMA)
