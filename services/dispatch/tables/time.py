"""Clocks, and what was asked for about time."""

from sqlalchemy import Column, Double, Index, Integer, Table, Text, text

from services.dispatch.tables.schema import metadata, stamp

clocks = Table(
    "clocks",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("case_id", Text, primary_key=True),
    Column("version", Integer, primary_key=True),  # the case's version at which it started
    Column("clock", Text, nullable=False),
    Column("started_at", stamp, nullable=False),
    Column("due_at", stamp, nullable=False),
    Column("overdue_at", stamp),
    Column("ended_at", stamp),
    Column("state", Text, nullable=False, server_default=text("'running'")),  # clock_rows.ClockStatus
    Column("paused_at", stamp),
    Column("left_seconds", Double),  # of the limit, when it was paused
)

# What was asked for about time, who decided it, and the library of suspended cases (问题库).
time_requests = Table(
    "time_requests",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("case_id", Text, primary_key=True),
    Column("version", Integer, primary_key=True),  # the case's version at which it was asked
    Column("kind", Text, primary_key=True),
    Column("level", Text, nullable=False),
    Column("asked_by", Text, nullable=False),
    Column("asked_at", stamp, nullable=False),
    Column("reason", Text, nullable=False),
    Column("until", stamp),
    Column("person", Text),
    Column("state", Text, nullable=False),  # time_requests.RequestState
    Column("decided_by", Text),
    Column("decided_at", stamp),
    Column("ended_at", stamp),  # of a suspension: when the case went on
    Column("awaits", Text),  # the department that is to endorse it; null where it has, or none is to
    Column("endorsed_by", Text),
    Column("endorsed_at", stamp),
    Index(
        "time_requests_awaits",
        "awaits",
        "asked_at",
        "case_id",
        "version",
        postgresql_where=text("state = 'open' AND awaits IS NOT NULL"),
    ),
    Index(
        "time_requests_open",
        "tenant",
        "asked_at",
        "case_id",
        "version",
        postgresql_where=text("state = 'open'"),
    ),
    Index(
        "time_requests_suspended",
        "tenant",
        "decided_at",
        "case_id",
        "version",
        postgresql_where=text("kind = 'suspension' AND state = 'approved' AND ended_at IS NULL"),
    ),
)
