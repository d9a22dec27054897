"""Shifts: the newest beside each worker's load, every one in a table of its own."""

import sqlalchemy as sa
from alembic import op

revision = "shifts"
down_revision = "chain"
branch_labels = None
depends_on = None

SCHEMA = "dispatch"


def upgrade() -> None:
    stamp = sa.DateTime(timezone=True)
    for name in ("on_since", "on_until", "off_since"):
        op.add_column("loads", sa.Column(name, stamp), schema=SCHEMA)
    op.create_table(
        "shifts",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("worker", sa.Text, primary_key=True),
        sa.Column("started_at", stamp, primary_key=True),
        sa.Column("until", stamp, nullable=False),
        sa.Column("started_by", sa.Text, nullable=False),
        sa.Column("ended_at", stamp),
        sa.Column("ended_by", sa.Text),
        schema=SCHEMA,
    )


def downgrade() -> None:
    op.drop_table("shifts", schema=SCHEMA)
    for name in ("off_since", "on_until", "on_since"):
        op.drop_column("loads", name, schema=SCHEMA)
