"""The schema, and the conditions of partial indexes that statements repeat."""

from sqlalchemy import DateTime, MetaData

from qipan.storage import core_tables

SCHEMA = "dispatch"
metadata = MetaData(schema=SCHEMA)
core = core_tables(metadata)
ABROAD = "unit_tenant <> tenant"
GIN_PENDING_KB = 512  # what a search must read besides the index: a few hundred cases
HELD = "stage IN ('offered', 'accepted', 'rework')"
SUPPORTING = "kind = 'support' AND status IN ('accepted', 'asked')"
OVER = "stage IN ('closed', 'voided')"
UNDECIDED = "outcome IN ('conflict', 'held')"
stamp = DateTime(timezone=True)
