"""The tables that every service's schema has: outbox, inbox, timers and who keeps them, answers.

Every key starts with the tenant.
"""

from collections.abc import Callable
from typing import NamedTuple, Protocol

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    DateTime,
    Identity,
    Index,
    LargeBinary,
    MetaData,
    Table,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB


class CoreTables(NamedTuple):
    """The five tables, bound to one schema."""

    outbox: Table
    inbox: Table
    timers: Table
    timer_keepers: Table
    answers: Table


def core_tables(metadata: MetaData) -> CoreTables:
    """Declare the core tables in `metadata`, whose schema is the service's."""
    stamp = DateTime(timezone=True)
    outbox = Table(
        "outbox",
        metadata,
        Column("tenant", Text, primary_key=True),
        Column("seq", BigInteger, Identity(cache=100), primary_key=True),
        Column("key", Text, nullable=False),
        Column("message_id", Text, nullable=False),
        Column("traceparent", Text),
        Column("body", LargeBinary, nullable=False),
        Column("created_at", stamp, nullable=False, server_default=func.now()),
        Index("outbox_seq", "seq"),
        # The relay deletes what it has sent: without eager vacuuming the oldest rows hide behind dead ones.
        postgresql_with={"autovacuum_vacuum_scale_factor": "0.0", "autovacuum_vacuum_threshold": "20000"},
    )
    inbox = Table(
        "inbox",
        metadata,
        Column("tenant", Text, primary_key=True),
        Column("message_id", Text, primary_key=True),
        Column("handled_at", stamp, nullable=False, server_default=func.now()),
        Index("inbox_handled_at", "handled_at", postgresql_using="brin"),
    )
    timers = Table(
        "timers",
        metadata,
        Column("tenant", Text, primary_key=True),
        Column("kind", Text, primary_key=True),
        Column("ref", Text, primary_key=True),
        Column("due_at", stamp, nullable=False),
        Column("payload", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
        Index("timers_due", "kind", "due_at"),
    )
    timer_keepers = Table(
        "timer_keepers",
        metadata,
        Column("tenant", Text, primary_key=True),
        Column("kind", Text, primary_key=True),
        Column("instance", Text, primary_key=True),
        Column("until", stamp, nullable=False),
    )
    answers = Table(
        "answers",
        metadata,
        Column("tenant", Text, primary_key=True),
        Column("command_id", Text, primary_key=True),
        Column("digest", Text, nullable=False),
        Column("body", LargeBinary, nullable=False),
        Column("answered_at", stamp, nullable=False, server_default=func.now()),
        Index("answers_answered_at", "answered_at", postgresql_using="brin"),
    )
    return CoreTables(outbox, inbox, timers, timer_keepers, answers)


class Operations(Protocol):
    """The part of Alembic's `op` that is needed here."""

    def get_bind(self) -> Connection: ...


def create_core_tables(op: Operations, schema: str) -> None:
    """For a service's first migration: make the core tables in `schema`."""
    _on_core_tables(op, schema, lambda metadata, bind: metadata.create_all(bind))


def drop_core_tables(op: Operations, schema: str) -> None:
    """The way back of `create_core_tables`."""
    _on_core_tables(op, schema, lambda metadata, bind: metadata.drop_all(bind))


def _on_core_tables(op: Operations, schema: str, act: Callable[[MetaData, Connection], None]) -> None:
    metadata = MetaData(schema=schema)
    core_tables(metadata)
    act(metadata, op.get_bind())
