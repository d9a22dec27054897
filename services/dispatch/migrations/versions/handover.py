"""Hand-overs between units, towns and the district."""

import sqlalchemy as sa
from alembic import op

revision = "handover"
down_revision = "joint"
branch_labels = None
depends_on = None

SCHEMA = "dispatch"


def upgrade() -> None:
    op.create_table(
        "handovers",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("case_id", sa.Text, primary_key=True),
        sa.Column("asked", sa.Text, nullable=False),
        sa.Column("holder", sa.Text),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        schema=SCHEMA,
    )
    op.create_index("handovers_asked", "handovers", ["asked", "case_id"], schema=SCHEMA)
    op.create_index(
        "handovers_held",
        "handovers",
        ["holder", "case_id"],
        schema=SCHEMA,
        postgresql_where=sa.text("holder IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_table("handovers", schema=SCHEMA)
