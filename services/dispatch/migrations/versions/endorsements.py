"""Whose endorsement a request for time waits for, and who gave it."""

import sqlalchemy as sa
from alembic import op

revision = "endorsements"
down_revision = "case_log"
branch_labels = None
depends_on = None

SCHEMA = "dispatch"


def upgrade() -> None:
    op.add_column("time_requests", sa.Column("awaits", sa.Text), schema=SCHEMA)
    op.add_column("time_requests", sa.Column("endorsed_by", sa.Text), schema=SCHEMA)
    op.add_column("time_requests", sa.Column("endorsed_at", sa.DateTime(timezone=True)), schema=SCHEMA)
    op.create_index(
        "time_requests_awaits",
        "time_requests",
        ["awaits", "asked_at", "case_id", "version"],
        schema=SCHEMA,
        postgresql_where=sa.text("state = 'open' AND awaits IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("time_requests_awaits", "time_requests", schema=SCHEMA)
    for column in ("endorsed_at", "endorsed_by", "awaits"):
        op.drop_column("time_requests", column, schema=SCHEMA)
