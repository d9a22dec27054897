"""Rectifications (整改) that poor ratings opened."""

import sqlalchemy as sa
from alembic import op

revision = "rectifications"
down_revision = "returns"
branch_labels = None
depends_on = None

SCHEMA = "dispatch"


def upgrade() -> None:
    op.create_table(
        "rectifications",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("case_id", sa.Text, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("unit_tenant", sa.Text),
        sa.Column("unit", sa.Text),
        sa.Column("worker", sa.Text),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        schema=SCHEMA,
    )
    for name, columns in (
        ("rectifications_due", ["tenant", "due_at", "case_id"]),
        ("rectifications_abroad", ["unit_tenant", "due_at", "case_id"]),
    ):
        op.create_index(
            name, "rectifications", columns, schema=SCHEMA, postgresql_where=sa.text("status <> 'closed'")
        )


def downgrade() -> None:
    op.drop_table("rectifications", schema=SCHEMA)
