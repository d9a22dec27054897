"""Storage: short transactions on PostgreSQL, the outbox, the inbox, timers, group commit and migrations."""

from qipan.storage.database import Database
from qipan.storage.tables import CoreTables, core_tables
from qipan.storage.work import Timer, Work

__all__ = ["CoreTables", "Database", "Timer", "Work", "core_tables"]
