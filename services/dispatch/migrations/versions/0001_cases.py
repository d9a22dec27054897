"""Cases, their tasks, clocks and history, and the workers' loads."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from qipan.storage.tables import create_core_tables, drop_core_tables

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SCHEMA = "dispatch"
HELD = "stage IN ('offered', 'accepted', 'rework')"
OPEN = "stage NOT IN ('closed', 'voided')"


def upgrade() -> None:
    stamp = sa.DateTime(timezone=True)
    create_core_tables(op, SCHEMA)
    op.create_table(
        "cases",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("report_id", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("stage", sa.Text, nullable=False),
        sa.Column("unit_tenant", sa.Text),
        sa.Column("unit", sa.Text),
        sa.Column("worker", sa.Text),
        sa.Column("cells", ARRAY(sa.Text), nullable=False),
        sa.Column("due_at", stamp),
        sa.Column("limits", JSONB, nullable=False),
        sa.Column("state", JSONB, nullable=False),
        sa.UniqueConstraint("tenant", "report_id", name="cases_report"),
        schema=SCHEMA,
    )
    _index("cases_of_worker", ["tenant", "worker", "due_at", "id"], HELD)
    _index("cases_of_unit", ["tenant", "unit", "due_at", "id"], f"{HELD} AND worker IS NULL")
    _index("cases_waiting", ["tenant", "stage", "due_at", "id"], OPEN)
    _index("cases_abroad", ["unit_tenant", "id"], "unit_tenant <> tenant")
    _index(
        "cases_waiting_abroad",
        ["unit_tenant", "stage", "due_at", "id"],
        f"unit_tenant <> tenant AND {OPEN}",
    )
    op.create_index(
        "cases_to_inspect",
        "cases",
        ["cells"],
        schema=SCHEMA,
        postgresql_using="gin",
        postgresql_where=sa.text("stage = 'disposed'"),
    )
    op.create_table(
        "tasks",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("case_id", sa.Text, nullable=False),
        sa.Column("unit", sa.Text, nullable=False),
        sa.Column("worker", sa.Text),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("offered_at", stamp, nullable=False),
        sa.Column("changed_at", stamp, nullable=False),
        schema=SCHEMA,
    )
    op.create_table(
        "clocks",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("case_id", sa.Text, primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True),
        sa.Column("clock", sa.Text, nullable=False),
        sa.Column("started_at", stamp, nullable=False),
        sa.Column("due_at", stamp, nullable=False),
        sa.Column("overdue_at", stamp),
        sa.Column("ended_at", stamp),
        schema=SCHEMA,
    )
    op.create_table(
        "history",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("case_id", sa.Text, primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True),
        sa.Column("at", stamp, nullable=False),
        sa.Column("real_at", stamp, nullable=False, server_default=sa.text("now()")),
        sa.Column("what", sa.Text, nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("message_id", sa.Text),
        sa.Column("traceparent", sa.Text),
        sa.Column("detail", JSONB, nullable=False),
        schema=SCHEMA,
    )
    op.create_table(
        "loads",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("worker", sa.Text, primary_key=True),
        sa.Column("open", sa.Integer, nullable=False),
        schema=SCHEMA,
    )


def downgrade() -> None:
    for table in ("loads", "history", "clocks", "tasks", "cases"):
        op.drop_table(table, schema=SCHEMA)
    drop_core_tables(op, SCHEMA)


def _index(name: str, columns: list[str], where: str) -> None:
    op.create_index(name, "cases", columns, schema=SCHEMA, postgresql_where=sa.text(where))
