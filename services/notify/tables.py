"""Notify's tables: messages in people's inboxes and deliveries to the world outside."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Identity,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from qipan.storage import core_tables

metadata = MetaData(schema="notify")
core = core_tables(metadata)

_STAMP = DateTime(timezone=True)

messages = Table(
    "messages",
    metadata,
    # The reader's tenant; message ids grow with time, so this key also lists a person's messages in order.
    Column("tenant", Text, primary_key=True),
    Column("recipient", Text, primary_key=True),
    Column("message_id", Text, primary_key=True),
    Column("about_tenant", Text, nullable=False),
    # Of a message about a report that has no case, or about a whole town, none.
    Column("case_id", Text),
    Column("report_id", Text),
    Column("version", Integer, nullable=False),
    Column("event", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("at", _STAMP, nullable=False),
    Column("read_at", _STAMP),
    Column("traceparent", Text),
    Column("created_at", _STAMP, nullable=False, server_default=func.now()),
    Column("callout_id", Text),
    Index("messages_written", "tenant", "recipient", "created_at"),
    Index("messages_case", "about_tenant", "case_id"),
    Index("messages_report", "about_tenant", "report_id", postgresql_where=text("report_id IS NOT NULL")),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("message_id", Text, primary_key=True),
    Column("recipient", Text, primary_key=True),
    Column("channel", Text, primary_key=True),
    Column("key", Text, nullable=False),
    Column("destination", Text, nullable=False, server_default="mail"),
    Column("about_tenant", Text, nullable=False),
    Column("case_id", Text),
    Column("report_id", Text),
    Column("version", Integer, nullable=False),
    Column("event", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("html", Text),
    Column("at", _STAMP, nullable=False),
    Column("traceparent", Text),
    Column("state", Text, nullable=False, server_default="queued"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    # Real time: the next attempt; while it is being sent, the end of the sender's lease.
    Column("next_at", _STAMP, nullable=False, server_default=func.now()),
    Column("error", Text),
    Column("created_at", _STAMP, nullable=False, server_default=func.now()),
    Column("changed_at", _STAMP, nullable=False, server_default=func.now()),
    # The key of the digest that it went with.
    Column("gathered_in", Text),
    Index("deliveries_case", "about_tenant", "case_id"),
    Index("deliveries_report", "about_tenant", "report_id", postgresql_where=text("report_id IS NOT NULL")),
    Index(
        "deliveries_due",
        "destination",
        "next_at",
        postgresql_where=text("state IN ('queued', 'sending', 'failed')"),
    ),
    Index("deliveries_gathering", "next_at", postgresql_where=text("state = 'gathering'")),
    Index("deliveries_key", "tenant", "key", unique=True),
    Index("deliveries_given_up", "tenant", "message_id", postgresql_where=text("state = 'given-up'")),
)

destinations = Table(
    "destinations",
    metadata,
    # The operator's, not a tenant's: what each lets through is every tenant's together.
    Column("name", Text, primary_key=True),
    Column("failures", Integer, nullable=False),
    # Real time: how long it is left alone; when its rate allows another.
    Column("shut_until", _STAMP),
    Column("free_at", _STAMP),
)

wishes = Table(
    "wishes",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("person", Text, primary_key=True),
    Column("wishes", JSONB, nullable=False),
    Column("changed_at", _STAMP, nullable=False, server_default=func.now()),
    Index("wishes_follows", "tenant", postgresql_where=text("wishes -> 'follows' <> '[]'")),
)

callouts = Table(
    "callouts",
    metadata,
    # The tenant whose roster it is.
    Column("tenant", Text, primary_key=True),
    Column("callout_id", Text, primary_key=True),
    Column("number", BigInteger, Identity(always=True)),
    Column("roster", Text, nullable=False),
    Column("template", Text, nullable=False),
    Column("event", Text, nullable=False),
    Column("about_tenant", Text, nullable=False),
    Column("case_id", Text),
    Column("report_id", Text),
    Column("version", Integer, nullable=False),
    Column("at", _STAMP, nullable=False),
    Column("traceparent", Text),
    # Language → title and body.
    Column("words", JSONB, nullable=False),
    Column("people", ARRAY(Text), nullable=False),
    # How many of them so far.
    Column("asked", Integer, nullable=False),
    Column("state", Text, nullable=False),
    # Domain time.
    Column("due_at", _STAMP),
    Column("answered_by", Text),
    Column("answered_at", _STAMP),
    Index("callouts_newest", "tenant", "number"),
)

reporters = Table(
    "reporters",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("report_id", Text, primary_key=True),
    Column("language", Text, nullable=False),
    Column("wanted", Boolean, nullable=False),
    # Domain time: what came later holds.
    Column("changed_at", _STAMP, nullable=False),
)
