"""Intake's tables. Every key starts with the tenant."""

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Float,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    Table,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from qipan.storage import core_tables

SCHEMA = "intake"

metadata = MetaData(schema=SCHEMA)
core = core_tables(metadata)

_stamp = DateTime(timezone=True)

# A report's row is written about eight times in its life. Room in its page, and indexes whose columns change
# only when it becomes or ceases to be open or held, keep most of those writes off the indexes.
reports = Table(
    "reports",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("report_id", Text, primary_key=True),
    Column("client", Text, nullable=False),
    Column("digest", Text),  # of the request, when it came with an idempotency key
    Column("channel", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("lon", Float, nullable=False),
    Column("lat", Float, nullable=False),
    Column("address", Text),
    Column("matter_given", Text),
    Column("contact_name", Text),
    Column("contact_phone", Text),
    Column("received_at", _stamp, nullable=False),
    Column("received_real_at", _stamp, nullable=False, server_default=func.now()),
    Column("traceparent", Text),
    Column("status", Text, nullable=False),
    Column("changed_at", _stamp, nullable=False),
    Column("triaged_at", _stamp),
    Column("triaged_real_at", _stamp),
    Column("held_at", _stamp),  # while it waits for a person
    Column("decided_by", Text),
    Column("matter", Text),
    Column("cells", JSONB),
    Column("reason", Text),
    Column("merged_into", Text),
    Column("bucket", BigInteger),  # coarse square of an open original (services.intake.duplicates), else null
    Column("case_id", Text),
    Column("case_version", Integer),
    Column("call_id", Text),  # the hotline's own number of the call
    Column("suggestion", JSONB),  # what was suggested before anybody decided (services.intake.suggestion)
    Index(
        "reports_open",
        "tenant",
        "bucket",
        "matter",
        "received_at",
        postgresql_where=text("bucket IS NOT NULL"),
    ),
    Index("reports_held", "tenant", "held_at", "report_id", postgresql_where=text("held_at IS NOT NULL")),
    postgresql_with={"fillfactor": "70"},
)

ratings = Table(
    "ratings",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("report_id", Text, primary_key=True),
    Column("rating", SmallInteger, nullable=False),
    Column("note", Text, nullable=False),
    Column("rated_at", _stamp, nullable=False),
    Column("rated_real_at", _stamp, nullable=False, server_default=func.now()),
)

readings = Table(
    "readings",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("device", Text, primary_key=True),
    Column("reading_id", Text, primary_key=True),
    Column("quantity", Text, nullable=False),
    Column("value", Float, nullable=False),
    Column("unit", Text, nullable=False),
    Column("lon", Float, nullable=False),
    Column("lat", Float, nullable=False),
    Column("observed_at", _stamp, nullable=False),
    Column("client", Text, nullable=False),
)
