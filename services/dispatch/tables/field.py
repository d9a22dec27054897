"""The field: loads, shifts, positions, modes, whistles, and what is said about cases."""

from sqlalchemy import BigInteger, Boolean, Column, Date, Double, Identity, Index, Integer, Table, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from services.dispatch.tables.schema import metadata, stamp

loads = Table(
    "loads",
    metadata,
    Column("tenant", Text, primary_key=True),  # the worker's
    Column("worker", Text, primary_key=True),
    Column("open", Integer, nullable=False),
    # The newest shift; all null: never signed on (shifts.py). Here, so that one look tells who may be asked.
    Column("on_since", stamp),
    Column("on_until", stamp),
    Column("off_since", stamp),
)

shifts = Table(
    "shifts",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("worker", Text, primary_key=True),
    Column("started_at", stamp, primary_key=True),
    Column("until", stamp, nullable=False),
    Column("started_by", Text, nullable=False),
    Column("ended_at", stamp),
    Column("ended_by", Text),
    Column("planned", Boolean),  # whether it began within a planned shift; null: the worker had no roster
)

# What was decided about single days of workers' rosters (planned.py); the newest of a day counts. Rows are added,
# never changed. `hours` null: the roster holds again.
roster_changes = Table(
    "roster_changes",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("worker", Text, primary_key=True),
    Column("day", Date, primary_key=True),
    Column("seq", BigInteger, Identity(), primary_key=True),
    Column("hours", ARRAY(Text)),
    Column("reason", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("at", stamp, nullable=False),
    Column("real_at", stamp, nullable=False, server_default=text("now()")),
    Index("roster_changes_of_day", "tenant", "day"),
)

modes = Table(
    "modes",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),  # of the tenant's switches
    Column("mode", Text, nullable=False),
    Column("level", Integer),
    Column("reason", Text, nullable=False),
    Column("since", stamp, nullable=False),
    Column("until", stamp),
    Column("by", Text, nullable=False),
)

positions = Table(
    "positions",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("worker", Text, primary_key=True),
    Column("at", stamp, nullable=False),
    Column("lon", Double, nullable=False),
    Column("lat", Double, nullable=False),
    Column("metres", Double),
)

trails = Table(
    "trails",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("worker", Text, primary_key=True),
    Column("at", stamp, primary_key=True),
    Column("lon", Double, nullable=False),
    Column("lat", Double, nullable=False),
    Column("metres", Double),
)

whistles = Table(
    "whistles",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("case_id", Text, nullable=False),
    Column("blown_at", stamp, nullable=False),
    Column("ended_at", stamp),
    Column("departments", ARRAY(Text), nullable=False),
    # The whole whistle (qipan.contracts.whistle), with every answer; the columns beside it are searched by.
    Column("state", JSONB, nullable=False),
    Index("whistles_of_case", "tenant", "case_id"),
    Index("whistles_heard", "departments", postgresql_using="gin"),
)

# What is said about cases in the field (qipan.contracts.fieldlog). Rows are added, never changed.
case_log = Table(
    "case_log",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("seq", BigInteger, Identity(), nullable=False),
    Column("case_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("at", stamp, nullable=False),
    Column("text", Text, nullable=False),
    Column("unit", Text),
    Column("worker", Text),
    Column("workers", Integer),
    Column("about", Text),
    Index("case_log_of_case", "tenant", "case_id", "seq"),
    Index("case_log_answers", "tenant", "about", unique=True, postgresql_where=text("about IS NOT NULL")),
    Index("case_log_backup", "tenant", "seq", postgresql_where=text("kind = 'backup'")),
)
