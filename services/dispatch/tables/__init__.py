"""Dispatch's tables. Every key starts with the tenant in whose area the case arose."""

from services.dispatch.tables.case import cases, findable, history, tasks
from services.dispatch.tables.deciding import disputes, handovers, parties, rectifications
from services.dispatch.tables.field import (
    case_log,
    loads,
    modes,
    positions,
    roster_changes,
    shifts,
    trails,
    whistles,
)
from services.dispatch.tables.mandate import mandate_log, mandate_versions, mandates
from services.dispatch.tables.offline import replays
from services.dispatch.tables.schema import (
    ABROAD,
    GIN_PENDING_KB,
    HELD,
    OVER,
    SCHEMA,
    SUPPORTING,
    UNDECIDED,
    core,
    metadata,
)
from services.dispatch.tables.time import clocks, time_requests

__all__ = [
    "ABROAD",
    "GIN_PENDING_KB",
    "HELD",
    "OVER",
    "SCHEMA",
    "SUPPORTING",
    "UNDECIDED",
    "case_log",
    "cases",
    "clocks",
    "core",
    "disputes",
    "findable",
    "handovers",
    "history",
    "loads",
    "mandate_log",
    "mandate_versions",
    "mandates",
    "metadata",
    "modes",
    "parties",
    "positions",
    "rectifications",
    "replays",
    "roster_changes",
    "shifts",
    "tasks",
    "time_requests",
    "trails",
    "whistles",
]
