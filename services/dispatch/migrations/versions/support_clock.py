"""Child tasks that wait for a dispatcher, to be found by the work list."""

import sqlalchemy as sa
from alembic import op

revision = "support_clock"
down_revision = "handover_clock"
branch_labels = None
depends_on = None

SCHEMA = "dispatch"


def upgrade() -> None:
    op.add_column("tasks", sa.Column("waits_since", sa.DateTime(timezone=True)), schema=SCHEMA)
    op.create_index(
        "tasks_waiting",
        "tasks",
        ["tenant", "case_id"],
        schema=SCHEMA,
        postgresql_where=sa.text("waits_since IS NOT NULL"),
    )
    # What was given back before waits, too.
    op.execute(
        f"UPDATE {SCHEMA}.tasks SET waits_since = changed_at WHERE kind = 'support' AND status = 'returned'"
    )


def downgrade() -> None:
    op.drop_index("tasks_waiting", table_name="tasks", schema=SCHEMA)
    op.drop_column("tasks", "waits_since", schema=SCHEMA)
