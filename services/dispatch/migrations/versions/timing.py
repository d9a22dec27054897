"""What clocks do beside running, and what was asked for about time."""

import sqlalchemy as sa
from alembic import op

revision = "timing"
down_revision = "mandates"
branch_labels = None
depends_on = None

SCHEMA = "dispatch"


def upgrade() -> None:
    stamp = sa.DateTime(timezone=True)
    op.add_column(
        "clocks",
        sa.Column("state", sa.Text, nullable=False, server_default=sa.text("'running'")),
        schema=SCHEMA,
    )
    op.add_column("clocks", sa.Column("paused_at", stamp), schema=SCHEMA)
    op.add_column("clocks", sa.Column("left_seconds", sa.Double), schema=SCHEMA)
    op.execute(
        f"UPDATE {SCHEMA}.clocks SET state = CASE WHEN overdue_at IS NOT NULL THEN 'timed-out' ELSE 'finished' END"
        " WHERE overdue_at IS NOT NULL OR ended_at IS NOT NULL"
    )
    op.create_table(
        "time_requests",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("case_id", sa.Text, primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True),
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("level", sa.Text, nullable=False),
        sa.Column("asked_by", sa.Text, nullable=False),
        sa.Column("asked_at", stamp, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("until", stamp),
        sa.Column("person", sa.Text),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("decided_by", sa.Text),
        sa.Column("decided_at", stamp),
        sa.Column("ended_at", stamp),
        schema=SCHEMA,
    )
    _index("time_requests_open", "asked_at", "state = 'open'")
    _index(
        "time_requests_suspended",
        "decided_at",
        "kind = 'suspension' AND state = 'approved' AND ended_at IS NULL",
    )


def downgrade() -> None:
    op.drop_table("time_requests", schema=SCHEMA)
    for column in ("left_seconds", "paused_at", "state"):
        op.drop_column("clocks", column, schema=SCHEMA)


def _index(name: str, by: str, where: str) -> None:
    columns = ["tenant", by, "case_id", "version"]
    op.create_index(name, "time_requests", columns, schema=SCHEMA, postgresql_where=sa.text(where))
