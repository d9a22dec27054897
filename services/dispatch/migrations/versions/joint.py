"""Child tasks of supporting units beside the lead's."""

import sqlalchemy as sa
from alembic import op

revision = "joint"
down_revision = "rectifications"
branch_labels = None
depends_on = None

SCHEMA = "dispatch"
SUPPORT = "kind = 'support'"


def upgrade() -> None:
    kind = sa.Column("kind", sa.Text, nullable=False, server_default="lead")
    op.add_column("tasks", kind, schema=SCHEMA)
    op.add_column("tasks", sa.Column("unit_tenant", sa.Text), schema=SCHEMA)
    _index("tasks_supporting", ["tenant", "unit"], f"{SUPPORT} AND status IN ('accepted', 'asked')")
    _index("tasks_supporting_abroad", ["unit_tenant", "case_id"], SUPPORT)


def downgrade() -> None:
    for index in ("tasks_supporting", "tasks_supporting_abroad"):
        op.drop_index(index, "tasks", schema=SCHEMA)
    op.execute(f"DELETE FROM {SCHEMA}.tasks WHERE {SUPPORT}")
    op.drop_column("tasks", "unit_tenant", schema=SCHEMA)
    op.drop_column("tasks", "kind", schema=SCHEMA)


def _index(name: str, columns: list[str], where: str) -> None:
    op.create_index(name, "tasks", columns, schema=SCHEMA, postgresql_where=sa.text(where))
