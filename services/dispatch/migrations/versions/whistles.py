"""吹哨报到: whistles, each with its state."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "whistles"
down_revision = "timing"
branch_labels = None
depends_on = None

SCHEMA = "dispatch"


def upgrade() -> None:
    stamp = sa.DateTime(timezone=True)
    op.create_table(
        "whistles",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("case_id", sa.Text, nullable=False),
        sa.Column("blown_at", stamp, nullable=False),
        sa.Column("ended_at", stamp),
        sa.Column("departments", ARRAY(sa.Text), nullable=False),
        sa.Column("state", JSONB, nullable=False),
        schema=SCHEMA,
    )
    op.create_index("whistles_of_case", "whistles", ["tenant", "case_id"], schema=SCHEMA)
    op.create_index("whistles_heard", "whistles", ["departments"], schema=SCHEMA, postgresql_using="gin")


def downgrade() -> None:
    op.drop_table("whistles", schema=SCHEMA)
