"""The gateway's own table: passwords that their owners have changed."""

from sqlalchemy import Column, DateTime, MetaData, Table, Text, func

SCHEMA = "gateway"

metadata = MetaData(schema=SCHEMA)

accounts = Table(
    "accounts",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("login", Text, primary_key=True),
    Column("password_hash", Text, nullable=False),
    Column("changed_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)
