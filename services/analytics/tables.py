"""Analytics' tables: the newest state of every case and report, and the totals."""

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Double,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from qipan.storage import core_tables
from qipan.tenancy.indicators import COUNTERS

metadata = MetaData(schema="analytics")
core = core_tables(metadata)

LONG = frozenset({"work_minutes"})
"""Counters that outgrow 32 bits."""

_STAMP = DateTime(timezone=True)

case_states = Table(
    "case_states",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("case_id", Text, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("stage", Text, nullable=False),
    Column("department", Text),
    Column("matter", Text, nullable=False),
    Column("cell", Text),
    Column("channel", Text, nullable=False),
    Column("filed_at", _STAMP, nullable=False),
    Column("dispose_due_at", _STAMP),
    Column("disposed_at", _STAMP),
    Column("closed_at", _STAMP),
    Column("offers", Integer, nullable=False),
    Column("returns", Integer, nullable=False),
    Column("reworks", Integer, nullable=False),
    Column("rating", SmallInteger),
    Column("unjustified", Integer, nullable=False, server_default="0"),
    Column("callback", SmallInteger, nullable=False, server_default="0"),
    Column("extensions", Integer, nullable=False, server_default="0"),
    Column("due_at", _STAMP),
    Column("filed_in_time", SmallInteger, nullable=False, server_default="1"),
    Column("dispatched_at", _STAMP),
    Column("dispatched_in_time", SmallInteger, nullable=False, server_default="1"),
    Column("inspected_at", _STAMP),
    Column("inspected_in_time", SmallInteger, nullable=False, server_default="1"),
    Column("closed_in_time", SmallInteger, nullable=False, server_default="1"),
    Column("work_minutes", Integer, nullable=False, server_default="0"),
    Column("unit", Text),
    Column("lon", Double, nullable=False, server_default="0"),
    Column("lat", Double, nullable=False, server_default="0"),
    Column("component", Text),
    Column("said", Text, nullable=False, server_default=""),
    Column("did", Text, nullable=False, server_default=""),
    Index("case_states_filed", "tenant", "filed_at"),
)

report_states = Table(
    "report_states",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("report_id", Text, primary_key=True),
    Column("triaged_at", _STAMP, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("matter", Text),
    Column("cell", Text),
    Column("channel", Text, nullable=False),
    Column("received_at", _STAMP, nullable=False),
    Column("verified_on_time", SmallInteger),
)

leagues = Table(
    "leagues",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("league", Text, primary_key=True),
    Column("since", _STAMP, primary_key=True),
    Column("until", _STAMP, primary_key=True),
    Column("revision", Integer, primary_key=True),
    Column("period", Text, nullable=False),
    Column("at", _STAMP, nullable=False),
    Column("by", Text, nullable=False),
    Column("reason", Text, nullable=False, server_default=""),
    Column("places", JSONB, nullable=False),
)

totals = Table(
    "totals",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("cut", Text, primary_key=True),
    Column("bucket", _STAMP, primary_key=True),
    Column("member", Text, primary_key=True),
    *(
        Column(name, BigInteger if name in LONG else Integer, nullable=False, server_default="0")
        for name in COUNTERS
    ),
    postgresql_partition_by="RANGE (bucket)",
)

drops = Table(
    "drops",
    metadata,
    Column("before", _STAMP, primary_key=True),
    Column("at", _STAMP, nullable=False, server_default=text("clock_timestamp()")),
)
