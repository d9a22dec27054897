"""Cases: their state, what they are searched by, their tasks and their history."""

from sqlalchemy import Column, Double, Index, Integer, LargeBinary, Table, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TSVECTOR

from services.dispatch.tables.schema import ABROAD, GIN_PENDING_KB, HELD, OVER, SUPPORTING, metadata, stamp

cases = Table(
    "cases",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("report_id", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("stage", Text, nullable=False),
    # Who owns the unit: the case's own tenant, or a department that is a tenant itself.
    Column("unit_tenant", Text),
    Column("unit", Text),
    Column("worker", Text),
    Column("cells", ARRAY(Text), nullable=False),
    Column("due_at", stamp),
    Column("filed_at", stamp),
    Column("department", Text),
    Column("limits", JSONB, nullable=False),
    # The whole public state; the columns beside it are its parts that are searched by.
    Column("state", JSONB, nullable=False),
    Column("chain", LargeBinary),  # the hash of the newest row of its history (chain.py)
    UniqueConstraint("tenant", "report_id", name="cases_report"),
    # The lists (worklist.py): a handler's own, a unit's unassigned, an inspector's cells, a centre's
    # by stage, and what a department's units have in all towns.
    Index("cases_of_worker", "tenant", "worker", "due_at", "id", postgresql_where=text(HELD)),
    Index(
        "cases_of_unit",
        "tenant",
        "unit",
        "due_at",
        "id",
        postgresql_where=text(f"{HELD} AND worker IS NULL"),
    ),
    Index("cases_to_inspect", "cells", postgresql_using="gin", postgresql_where=text("stage = 'disposed'")),
    Index(
        "cases_waiting",
        "tenant",
        "stage",
        "due_at",
        "id",
        postgresql_where=text("stage NOT IN ('closed', 'voided')"),
    ),
    Index("cases_abroad", "unit_tenant", "id", postgresql_where=text(ABROAD)),
    Index(
        "cases_waiting_abroad",
        "unit_tenant",
        "stage",
        "due_at",
        "id",
        postgresql_where=text("unit_tenant <> tenant AND stage NOT IN ('closed', 'voided')"),
    ),
    # Searches (listing.py), open and closed, by the time of filing. A case enters those by whom it was handled
    # when it is over, once; what is open is few.
    Index("cases_filed", "tenant", "filed_at", "id"),
    Index("cases_filed_of_unit", "tenant", "unit", "filed_at", "id", postgresql_where=text(OVER)),
    Index("cases_filed_of_worker", "tenant", "worker", "filed_at", "id", postgresql_where=text(OVER)),
    Index("cases_filed_of_department", "tenant", "department", "filed_at", "id", postgresql_where=text(OVER)),
    Index("cases_filed_abroad", "unit_tenant", "filed_at", "id", postgresql_where=text(ABROAD)),
    Index("cases_voided", "tenant", "filed_at", "id", postgresql_where=text("stage = 'voided'")),
)

# What never changes about a case and is searched by (words.py). Apart from the cases, because these rows are
# written once: an inverted index beside the stage would be written anew at every step.
findable = Table(
    "findable",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("lon", Double, nullable=False),
    Column("lat", Double, nullable=False),
    Column("words", TSVECTOR, nullable=False),
    Index(
        "findable_words",
        "words",
        postgresql_using="gin",
        postgresql_with={"gin_pending_list_limit": GIN_PENDING_KB},
    ),
)

tasks = Table(
    "tasks",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("case_id", Text, nullable=False),
    Column("unit", Text, nullable=False),
    Column("worker", Text),
    Column("status", Text, nullable=False),
    Column("offered_at", stamp, nullable=False),
    Column("changed_at", stamp, nullable=False),
    # 协办: a supporting unit's child task, and whose the unit is; the lead's task has its owner with the case.
    Column("kind", Text, nullable=False, server_default="lead"),
    Column("unit_tenant", Text),
    # Since when a child task waits for a dispatcher: given back, or not taken in time.
    Column("waits_since", stamp),
    Index("tasks_waiting", "tenant", "case_id", postgresql_where=text("waits_since IS NOT NULL")),
    Index(
        "tasks_supporting",
        "tenant",
        "unit",
        postgresql_where=text(SUPPORTING),
    ),
    Index("tasks_supporting_abroad", "unit_tenant", "case_id", postgresql_where=text("kind = 'support'")),
)

history = Table(
    "history",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("case_id", Text, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("at", stamp, nullable=False),
    Column("real_at", stamp, nullable=False, server_default=text("now()")),
    Column("what", Text, nullable=False),
    Column("who", Text, nullable=False),
    Column("message_id", Text),
    Column("traceparent", Text),
    Column("detail", JSONB, nullable=False),
    # Append-only, which a trigger holds. Null in rows older than the chain (chain.py).
    Column("authority", Text),
    Column("shown", LargeBinary),  # SHA-256 of the case's state after the step
    Column("hash", LargeBinary),
)
