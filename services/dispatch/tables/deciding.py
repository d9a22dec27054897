"""What waits for somebody to decide or to answer: disputes, hand-overs, rectifications."""

from sqlalchemy import Column, Index, Integer, Table, Text, text

from services.dispatch.tables.schema import metadata, stamp

# The newest of each case's rectifications is in its state, too; these rows are what they are listed by.
rectifications = Table(
    "rectifications",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("case_id", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("status", Text, nullable=False),
    Column("unit_tenant", Text),
    Column("unit", Text),
    Column("worker", Text),
    Column("due_at", stamp, nullable=False),
    Index("rectifications_due", "tenant", "due_at", "case_id", postgresql_where=text("status <> 'closed'")),
    Index(
        "rectifications_abroad",
        "unit_tenant",
        "due_at",
        "case_id",
        postgresql_where=text("status <> 'closed'"),
    ),
)

# What waits, or waited, for the district's arbiter (disputes.py): each dispute by the version that raised it.
disputes = Table(
    "disputes",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("case_id", Text, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("raised_at", stamp, nullable=False),
    Column("due_at", stamp, nullable=False),
    Column("ended_at", stamp),
    Column("what", Text),
    Column("who", Text),
    Index("disputes_waiting", "tenant", "due_at", "case_id", postgresql_where=text("ended_at IS NULL")),
)

# 移交: each case's newest hand-over, by which the other side finds it (handovers.py). `asked` is a tenant or a unit.
handovers = Table(
    "handovers",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("case_id", Text, primary_key=True),
    Column("asked", Text, nullable=False),
    Column("holder", Text),
    Column("state", Text, nullable=False),
    Column("changed_at", stamp, nullable=False),
    Index("handovers_asked", "asked", "case_id"),
    Index("handovers_held", "holder", "case_id", postgresql_where=text("holder IS NOT NULL")),
)

# Which other tenants take part in a case, once for all: written by triggers, from what names them. The wall between
# tenants (walls.sql) asks it, so no tenant's own role may write it.
parties = Table(
    "parties",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("case_id", Text, primary_key=True),
    Column("party", Text, primary_key=True),  # without its shadow
)
