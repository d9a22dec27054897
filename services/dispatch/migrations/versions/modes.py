"""Operating modes: every switch of every town."""

import sqlalchemy as sa
from alembic import op

revision = "modes"
down_revision = "shifts"
branch_labels = None
depends_on = None

SCHEMA = "dispatch"


def upgrade() -> None:
    stamp = sa.DateTime(timezone=True)
    op.create_table(
        "modes",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("mode", sa.Text, nullable=False),
        sa.Column("level", sa.Integer),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("since", stamp, nullable=False),
        sa.Column("until", stamp),
        sa.Column("by", sa.Text, nullable=False),
        schema=SCHEMA,
    )


def downgrade() -> None:
    op.drop_table("modes", schema=SCHEMA)
