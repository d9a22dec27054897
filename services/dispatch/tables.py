"""Dispatch's tables. Every key starts with the tenant in whose area the case arose."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Double,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TSVECTOR

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
_stamp = DateTime(timezone=True)

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
    Column("due_at", _stamp),
    Column("filed_at", _stamp),
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
    Column("offered_at", _stamp, nullable=False),
    Column("changed_at", _stamp, nullable=False),
    # 协办: a supporting unit's child task, and whose the unit is; the lead's task has its owner with the case.
    Column("kind", Text, nullable=False, server_default="lead"),
    Column("unit_tenant", Text),
    # Since when a child task waits for a dispatcher: given back, or not taken in time.
    Column("waits_since", _stamp),
    Index("tasks_waiting", "tenant", "case_id", postgresql_where=text("waits_since IS NOT NULL")),
    Index(
        "tasks_supporting",
        "tenant",
        "unit",
        postgresql_where=text(SUPPORTING),
    ),
    Index("tasks_supporting_abroad", "unit_tenant", "case_id", postgresql_where=text("kind = 'support'")),
)

clocks = Table(
    "clocks",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("case_id", Text, primary_key=True),
    Column("version", Integer, primary_key=True),  # the case's version at which it started
    Column("clock", Text, nullable=False),
    Column("started_at", _stamp, nullable=False),
    Column("due_at", _stamp, nullable=False),
    Column("overdue_at", _stamp),
    Column("ended_at", _stamp),
    Column("state", Text, nullable=False, server_default=text("'running'")),  # clock_rows.ClockStatus
    Column("paused_at", _stamp),
    Column("left_seconds", Double),  # of the limit, when it was paused
)

# What was asked for about time, who decided it, and the library of suspended cases (问题库).
time_requests = Table(
    "time_requests",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("case_id", Text, primary_key=True),
    Column("version", Integer, primary_key=True),  # the case's version at which it was asked
    Column("kind", Text, primary_key=True),
    Column("level", Text, nullable=False),
    Column("asked_by", Text, nullable=False),
    Column("asked_at", _stamp, nullable=False),
    Column("reason", Text, nullable=False),
    Column("until", _stamp),
    Column("person", Text),
    Column("state", Text, nullable=False),  # time_requests.RequestState
    Column("decided_by", Text),
    Column("decided_at", _stamp),
    Column("ended_at", _stamp),  # of a suspension: when the case went on
    Column("awaits", Text),  # the department that is to endorse it; null where it has, or none is to
    Column("endorsed_by", Text),
    Column("endorsed_at", _stamp),
    Index(
        "time_requests_awaits",
        "awaits",
        "asked_at",
        "case_id",
        "version",
        postgresql_where=text("state = 'open' AND awaits IS NOT NULL"),
    ),
    Index(
        "time_requests_open",
        "tenant",
        "asked_at",
        "case_id",
        "version",
        postgresql_where=text("state = 'open'"),
    ),
    Index(
        "time_requests_suspended",
        "tenant",
        "decided_at",
        "case_id",
        "version",
        postgresql_where=text("kind = 'suspension' AND state = 'approved' AND ended_at IS NULL"),
    ),
)

history = Table(
    "history",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("case_id", Text, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("at", _stamp, nullable=False),
    Column("real_at", _stamp, nullable=False, server_default=text("now()")),
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

# The newest of each case's rectifications is in its state, too; these rows are what they are listed by.
rectifications = Table(
    "rectifications",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("case_id", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("status", Text, nullable=False),
    Column("unit_tenant", Text),
    Column("unit", Text),
    Column("worker", Text),
    Column("due_at", _stamp, nullable=False),
    Index("rectifications_due", "tenant", "due_at", "case_id", postgresql_where=text("status <> 'closed'")),
    Index(
        "rectifications_abroad",
        "unit_tenant",
        "due_at",
        "case_id",
        postgresql_where=text("status <> 'closed'"),
    ),
)

# What waits, or waited, for the district's arbiter (disputes.py): each dispute by the version that raised it.
disputes = Table(
    "disputes",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("case_id", Text, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("raised_at", _stamp, nullable=False),
    Column("due_at", _stamp, nullable=False),
    Column("ended_at", _stamp),
    Column("what", Text),
    Column("who", Text),
    Index("disputes_waiting", "tenant", "due_at", "case_id", postgresql_where=text("ended_at IS NULL")),
)

# 移交: each case's newest hand-over, by which the other side finds it (handovers.py). `asked` is a tenant or a unit.
handovers = Table(
    "handovers",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("case_id", Text, primary_key=True),
    Column("asked", Text, nullable=False),
    Column("holder", Text),
    Column("state", Text, nullable=False),
    Column("changed_at", _stamp, nullable=False),
    Index("handovers_asked", "asked", "case_id"),
    Index("handovers_held", "holder", "case_id", postgresql_where=text("holder IS NOT NULL")),
)

loads = Table(
    "loads",
    metadata,
    Column("tenant", Text, primary_key=True),  # the worker's
    Column("worker", Text, primary_key=True),
    Column("open", Integer, nullable=False),
    # The newest shift; all null: never signed on (shifts.py). Here, so that one look tells who may be asked.
    Column("on_since", _stamp),
    Column("on_until", _stamp),
    Column("off_since", _stamp),
)

shifts = Table(
    "shifts",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("worker", Text, primary_key=True),
    Column("started_at", _stamp, primary_key=True),
    Column("until", _stamp, nullable=False),
    Column("started_by", Text, nullable=False),
    Column("ended_at", _stamp),
    Column("ended_by", Text),
    Column("planned", Boolean),  # whether it began within a planned shift; null: the worker had no roster
)

# What was decided about single days of workers' rosters (planned.py); the newest of a day counts. Rows are added,
# never changed. `hours` null: the roster holds again.
roster_changes = Table(
    "roster_changes",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("worker", Text, primary_key=True),
    Column("day", Date, primary_key=True),
    Column("seq", BigInteger, Identity(), primary_key=True),
    Column("hours", ARRAY(Text)),
    Column("reason", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("at", _stamp, nullable=False),
    Column("real_at", _stamp, nullable=False, server_default=text("now()")),
    Index("roster_changes_of_day", "tenant", "day"),
)

modes = Table(
    "modes",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),  # of the tenant's switches
    Column("mode", Text, nullable=False),
    Column("level", Integer),
    Column("reason", Text, nullable=False),
    Column("since", _stamp, nullable=False),
    Column("until", _stamp),
    Column("by", Text, nullable=False),
)

positions = Table(
    "positions",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("worker", Text, primary_key=True),
    Column("at", _stamp, nullable=False),
    Column("lon", Double, nullable=False),
    Column("lat", Double, nullable=False),
    Column("metres", Double),
)

trails = Table(
    "trails",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("worker", Text, primary_key=True),
    Column("at", _stamp, primary_key=True),
    Column("lon", Double, nullable=False),
    Column("lat", Double, nullable=False),
    Column("metres", Double),
)

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
    Column("at", _stamp, nullable=False),
    Column("real_at", _stamp, nullable=False, server_default=text("now()")),
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

# What was brought in after hours without signal (replaying.py). The id is that of the worker's command.
replays = Table(
    "replays",
    metadata,
    Column("tenant", Text, primary_key=True),  # the one addressed
    Column("id", Text, primary_key=True),
    Column("case_tenant", Text, nullable=False),
    Column("case_id", Text, nullable=False),
    Column("person_tenant", Text, nullable=False),
    Column("person", Text, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("command", JSONB, nullable=False),
    Column("received_at", _stamp, nullable=False),
    Column("skew", Double, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("problem", JSONB),
    Column("decided_at", _stamp),
    Column("decided_by", Text),
    Column("note", Text),
    Index("replays_of_case", "tenant", "person", "case_id", postgresql_where=text(UNDECIDED)),
    Index("replays_here", "case_tenant", "received_at", "id", postgresql_where=text("outcome = 'conflict'")),
    Index(
        "replays_of_ours", "person_tenant", "received_at", "id", postgresql_where=text("outcome = 'conflict'")
    ),
)

whistles = Table(
    "whistles",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("case_id", Text, nullable=False),
    Column("blown_at", _stamp, nullable=False),
    Column("ended_at", _stamp),
    Column("departments", ARRAY(Text), nullable=False),
    # The whole whistle (qipan.contracts.whistle), with every answer; the columns beside it are searched by.
    Column("state", JSONB, nullable=False),
    Index("whistles_of_case", "tenant", "case_id"),
    Index("whistles_heard", "departments", postgresql_using="gin"),
)

# What is said about cases in the field (qipan.contracts.fieldlog). Rows are added, never changed.
case_log = Table(
    "case_log",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("seq", BigInteger, Identity(), nullable=False),
    Column("case_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("at", _stamp, nullable=False),
    Column("text", Text, nullable=False),
    Column("unit", Text),
    Column("worker", Text),
    Column("workers", Integer),
    Column("about", Text),
    Index("case_log_of_case", "tenant", "case_id", "seq"),
    Index("case_log_answers", "tenant", "about", unique=True, postgresql_where=text("about IS NOT NULL")),
    Index("case_log_backup", "tenant", "seq", postgresql_where=text("kind = 'backup'")),
)
