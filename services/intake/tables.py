"""Intake's tables. Every key starts with the tenant."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Float,
    Identity,
    Index,
    Integer,
    LargeBinary,
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
    Column("located", JSONB),  # how the place was found, when it was not given
    Column("component", Text),  # that the report names
    Column("place", JSONB),  # of the case, when triage found another than the report's own
    Column("contact", LargeBinary),  # sealed (services.intake.contacts)
    Column("unit", Text),  # whom its case is with
    Column("department", Text),
    Column("stage_times", JSONB),  # of its case, in milliseconds since 1970 (services.intake.timeline)
    Column("call_id", Text),  # the hotline's own number of the call
    Column("suggestion", JSONB),  # what was suggested before anybody decided (services.intake.suggestion)
    Column("reference", Text),  # its number in the system that sent it
    Column("level", Text),  # of risk, as its sender sees it (qipan.contracts.level)
    Column("duplicates", JSONB),  # what it was joined to or may be the same as (services.intake.duplicates)
    Column("responsible", JSONB),  # whose it is, when it was declined (qipan.contracts.responsible)
    Index(
        "reports_open",
        "tenant",
        "bucket",
        "matter",
        "received_at",
        postgresql_where=text("bucket IS NOT NULL"),
    ),
    Index("reports_merged", "tenant", "merged_into", postgresql_where=text("merged_into IS NOT NULL")),
    Index("reports_contact", "tenant", "received_at", postgresql_where=text("contact IS NOT NULL")),
    Index("reports_held", "tenant", "held_at", "report_id", postgresql_where=text("held_at IS NOT NULL")),
    Index("reports_received", "received_real_at", postgresql_using="brin"),
    postgresql_with={"fillfactor": "70"},
)

# Every decision about a report. Only ever added to: a trigger refuses everything else.
decisions = Table(
    "decisions",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("report_id", Text, primary_key=True),
    Column("seq", BigInteger, Identity(always=True), primary_key=True),
    Column("at", _stamp, nullable=False),
    Column("real_at", _stamp, nullable=False, server_default=func.now()),
    Column("status", Text, nullable=False),
    Column("reason", Text),
    Column("who", Text),
    Column("matter", Text),
    Column("merged_into", Text),
)

# Who else may see a report's case than those whom its row names: supporting units, and who took the case over or is
# asked to (parties.py). Few cases have a row here. `kind` is `unit`, `department` or `tenant`.
parties = Table(
    "parties",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("report_id", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("party", Text, primary_key=True),
    Index("parties_abroad", "party", "report_id", postgresql_where=text("kind = 'tenant'")),
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

# 重开: one for each time that a report's case was closed.
reopenings = Table(
    "reopenings",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("report_id", Text, primary_key=True),
    Column("closed_at", _stamp, primary_key=True),
    Column("reason", Text, nullable=False),
    Column("at", _stamp, nullable=False),
    Column("real_at", _stamp, nullable=False, server_default=func.now()),
)

# What reporters are told of what followed: few cases have a row here.
follow_ups = Table(
    "follow_ups",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("report_id", Text, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("rectification", JSONB, nullable=False),
)

# Where reporters want to be told of changes; ended, a row has no address any more.
updates = Table(
    "updates",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("report_id", Text, primary_key=True),
    Column("contact", LargeBinary),
    Column("changed_at", _stamp, nullable=False),
)

photos = Table(
    "photos",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("report_id", Text, primary_key=True),
    Column("photo_id", Text, primary_key=True),
    Column("media_type", Text, nullable=False),
    Column("bytes", Integer, nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("at", _stamp, nullable=False),
    Column("real_at", _stamp, nullable=False, server_default=func.now()),
    Index("photos_file", "tenant", "photo_id"),
)

comments = Table(
    "comments",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("report_id", Text, primary_key=True),
    Column("comment_id", Text, primary_key=True),
    Column("text", Text, nullable=False),
    Column("at", _stamp, nullable=False),
    Column("real_at", _stamp, nullable=False, server_default=func.clock_timestamp()),
)

# Only ever added to: a trigger refuses everything else.
unmaskings = Table(
    "unmaskings",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("command_id", Text, primary_key=True),
    Column("report_id", Text, nullable=False),
    Column("who", Text, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("at", _stamp, nullable=False),
    Column("real_at", _stamp, nullable=False, server_default=func.now()),
    Index("unmaskings_report", "tenant", "report_id"),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("key_id", Text, primary_key=True),
    Column("digest", Text, nullable=False),  # SHA-256 of the key, which is nowhere else
    Column("client", Text, nullable=False),
    Column("issued_at", _stamp, nullable=False, server_default=func.now()),
    Column("issued_by", Text, nullable=False),
    Column("revoked_at", _stamp),
    Column("revoked_by", Text),
    Index("api_keys_digest", "tenant", "digest", unique=True),
)

# What came in through Open311 and is public: reports of other channels are not, their reporters were told so.
open311_requests = Table(
    "open311_requests",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("report_id", Text, primary_key=True),
    Column("description", Text),  # as published: phone numbers and the like are struck out
    Column("address", Text),
    Column("address_id", Text),
    Column("media_url", Text),
    Column("attributes", JSONB, nullable=False),
    Column("requested_at", _stamp, nullable=False),
    Column("expected_at", _stamp),
    Column("updated_at", _stamp, nullable=False),
    Column("original_id", Text),  # the report that this one was joined to
    Index("open311_requests_requested", "tenant", "requested_at", "report_id"),
    Index("open311_requests_updated", "tenant", "updated_at", "report_id"),
    Index(
        "open311_requests_original",
        "tenant",
        "original_id",
        postgresql_where=text("original_id IS NOT NULL"),
    ),
)

open311_updates = Table(
    "open311_updates",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("report_id", Text, primary_key=True),
    Column("at", _stamp, primary_key=True),
    Column("status", Text, primary_key=True),
    Index("open311_updates_at", "tenant", "at", "report_id"),
)

# Never updated. `xid` is the transaction that wrote a row: readers stop before those in progress.
feed = Table(
    "feed",
    metadata,
    Column("tenant", Text, primary_key=True),  # who reads it
    Column(
        "xid", BigInteger, primary_key=True, server_default=text("((pg_current_xact_id())::text)::bigint")
    ),
    Column("seq", BigInteger, Identity(always=True), primary_key=True),
    Column("town", Text, nullable=False),
    Column("report_id", Text, nullable=False),
    Column("case_id", Text),
    Column("status", Text, nullable=False),
    Column("at", _stamp, nullable=False),
    Column("matter", Text),
    Column("department", Text),
    Column("unit", Text),
    Column("reference", Text),
    Index("feed_at", "tenant", "at"),
)

# The numbers by which tenants' own systems know reports that others sent.
report_references = Table(
    "report_references",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("report_id", Text, primary_key=True),
    Column("owner", Text, primary_key=True),
    Column("reference", Text, nullable=False),
)

verifications = Table(
    "verifications",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("report_id", Text, primary_key=True),
    Column("cell", Text, nullable=False),
    Column("asked_at", _stamp, nullable=False),
    Column("asked_real_at", _stamp, nullable=False, server_default=func.now()),
    Column("due_at", _stamp, nullable=False),
    Column("asked_by", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("open", Boolean, nullable=False, server_default=text("true")),
    Column("answered_at", _stamp),
    Column("answered_real_at", _stamp),
    Column("answered_by", Text),
    Column("finding", Text),
    Column("matter", Text),
    Column("note", Text),
    Column("evidence", JSONB),
    Column("lapsed_at", _stamp),
    Index("verifications_open", "tenant", "due_at", "report_id", postgresql_where=text("open")),
)

devices = Table(
    "devices",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("device_id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("digest", Text),  # SHA-256 of its key, which is nowhere else; none when it sends through a hub
    Column("hub", Text),
    Column("matter", Text),
    Column("lon", Float),
    Column("lat", Float),
    Column("registered_at", _stamp, nullable=False, server_default=func.now()),
    Column("registered_by", Text, nullable=False),
    Column("revoked_at", _stamp),
    Column("revoked_by", Text),
    Index("devices_digest", "tenant", "digest", unique=True),
)

alarms = Table(
    "alarms",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("source", Text, primary_key=True),  # the device's own tenant and its id
    Column("alarm_id", Text, primary_key=True),
    Column("cleared", Boolean, primary_key=True),
    Column("matter", Text, nullable=False),
    Column("level", Text, nullable=False),
    Column("at", _stamp, nullable=False),
    Column("real_at", _stamp, nullable=False, server_default=func.now()),
    Column("fate", Text, nullable=False),
    Column("report_id", Text),
    Index("alarms_report", "tenant", "report_id", postgresql_where=text("report_id IS NOT NULL")),
)

# One row for each device and matter: the alarms that the newest report stands for.
alarm_series = Table(
    "alarm_series",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("source", Text, primary_key=True),
    Column("matter", Text, primary_key=True),
    Column("report_id", Text),
    Column("first_at", _stamp),
    Column("last_at", _stamp),
    Column("times", Integer, nullable=False, server_default="0"),
    Column("level", Text, nullable=False, server_default="normal"),
    Column("cleared_at", _stamp),
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
