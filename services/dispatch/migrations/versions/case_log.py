"""What is said about cases in the field; rows are added, never changed."""

import sqlalchemy as sa
from alembic import op

revision = "case_log"
down_revision = "whistles"
branch_labels = None
depends_on = None

SCHEMA = "dispatch"


def upgrade() -> None:
    op.create_table(
        "case_log",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("seq", sa.BigInteger, sa.Identity(), nullable=False),
        sa.Column("case_id", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("unit", sa.Text),
        sa.Column("worker", sa.Text),
        sa.Column("workers", sa.Integer),
        sa.Column("about", sa.Text),
        schema=SCHEMA,
    )
    op.create_index("case_log_of_case", "case_log", ["tenant", "case_id", "seq"], schema=SCHEMA)
    op.create_index(
        "case_log_answers",
        "case_log",
        ["tenant", "about"],
        schema=SCHEMA,
        unique=True,
        postgresql_where=sa.text("about IS NOT NULL"),
    )
    op.create_index(
        "case_log_backup",
        "case_log",
        ["tenant", "seq"],
        schema=SCHEMA,
        postgresql_where=sa.text("kind = 'backup'"),
    )


def downgrade() -> None:
    op.drop_table("case_log", schema=SCHEMA)
