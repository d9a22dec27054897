"""Analytics' tables: the newest state of every case and report, and the totals."""

from sqlalchemy import Column, DateTime, Integer, MetaData, SmallInteger, Table, Text

from qipan.storage import core_tables
from services.analytics.counters import COUNTERS

metadata = MetaData(schema="analytics")
core = core_tables(metadata)

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

totals = Table(
    "totals",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("cut", Text, primary_key=True),
    Column("bucket", _STAMP, primary_key=True),
    Column("member", Text, primary_key=True),
    *(Column(counter, Integer, nullable=False, server_default="0") for counter in COUNTERS),
)
