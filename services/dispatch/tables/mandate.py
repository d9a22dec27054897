"""Mandates, and their log."""

from sqlalchemy import Boolean, Column, Integer, Table, Text, text
from sqlalchemy.dialects.postgresql import JSONB

from services.dispatch.tables.schema import metadata, stamp

# Mandates granted at run time, and standing ones of the pack that have ended (mandate_store.py).
mandates = Table(
    "mandates",
    metadata,
    Column("tenant", Text, primary_key=True),  # the town's
    Column("id", Text, primary_key=True),
    Column("department", Text, nullable=False),
    Column("standing", Boolean, nullable=False),
    Column("ended", Text),
    Column("state", JSONB, nullable=False),
)

mandate_log = Table(
    "mandate_log",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("mandate", Text, primary_key=True),
    Column("what", Text, primary_key=True),  # granted, revoked or expired, each at most once
    Column("at", stamp, nullable=False),
    Column("real_at", stamp, nullable=False, server_default=text("now()")),
    Column("who", Text, nullable=False),
    Column("authority", Text, nullable=False),
    Column("legal_basis", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("message_id", Text),
)

# Which mandates a process knows: whoever relies on them reads the row, whoever changes them raises the number.
mandate_versions = Table(
    "mandate_versions",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("version", Integer, nullable=False),
)
