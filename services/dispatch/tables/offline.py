"""What was brought in after hours without signal."""

from sqlalchemy import BigInteger, Column, Double, Index, Table, Text, text
from sqlalchemy.dialects.postgresql import JSONB

from services.dispatch.tables.schema import UNDECIDED, metadata, stamp

# What was brought in after hours without signal (replaying.py). The id is that of the worker's command.
replays = Table(
    "replays",
    metadata,
    Column("tenant", Text, primary_key=True),  # the one addressed
    Column("id", Text, primary_key=True),
    Column("case_tenant", Text, nullable=False),
    Column("case_id", Text, nullable=False),
    Column("person_tenant", Text, nullable=False),
    Column("person", Text, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("command", JSONB, nullable=False),
    Column("received_at", stamp, nullable=False),
    Column("skew", Double, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("problem", JSONB),
    Column("decided_at", stamp),
    Column("decided_by", Text),
    Column("note", Text),
    Index("replays_of_case", "tenant", "person", "case_id", postgresql_where=text(UNDECIDED)),
    Index("replays_here", "case_tenant", "received_at", "id", postgresql_where=text("outcome = 'conflict'")),
    Index(
        "replays_of_ours", "person_tenant", "received_at", "id", postgresql_where=text("outcome = 'conflict'")
    ),
)
