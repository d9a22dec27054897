"""Contacts once more under the newest key, so that an older one is needed by nothing."""

from typing import NamedTuple

from sqlalchemy import text

from qipan.observability.logs import logger
from qipan.storage import Database
from services.intake.contacts import Contacts
from services.intake.sealing import Unsealable
from services.intake.tables import SCHEMA

BATCH = 500

log = logger(__name__)

TABLES = ("reports", "updates")
"""Where contacts lie: what was left with a report, and where its reporter wants to be told."""

_NEXT = """
    SELECT tenant, report_id, contact FROM {table}
    WHERE contact IS NOT NULL AND substring(contact FROM 2 FOR 2) <> :newest
        AND (tenant, report_id) > (:tenant, :report_id)
    ORDER BY tenant, report_id LIMIT {batch}
"""
_PUT = """
    UPDATE {table} SET contact = :anew
    WHERE tenant = :tenant AND report_id = :report_id AND contact = :before
"""


class Resealed(NamedTuple):
    """How many contacts are under the newest key now that were not, and how many could not be read."""

    changed: int
    unreadable: int


def reseal(database: Database, contacts: Contacts) -> Resealed:
    """Reseal all that lies under an older key, some hundreds in a transaction, beside live traffic."""
    found = [_reseal(database, contacts, f"{SCHEMA}.{table}") for table in TABLES]
    return Resealed(sum(one.changed for one in found), sum(one.unreadable for one in found))


def _reseal(database: Database, contacts: Contacts, table: str) -> Resealed:
    following, put = text(_NEXT.format(table=table, batch=BATCH)), text(_PUT.format(table=table))
    changed = unreadable = 0
    after = {"tenant": "", "report_id": ""}
    newest = contacts.newest_key.to_bytes(2, "big")
    while True:
        with database.begin() as work:
            rows = work.conn.execute(following, {**after, "newest": newest}).all()
            changes = []
            for row in rows:
                try:
                    anew = contacts.resealed(row.contact, row.tenant, row.report_id)
                except Unsealable as error:
                    log.error("a contact cannot be read", report_id=row.report_id, reason=str(error))
                    unreadable += 1
                    continue
                changes.append(
                    {"tenant": row.tenant, "report_id": row.report_id, "before": row.contact, "anew": anew}
                )
            if changes:
                work.conn.execute(put, changes)
        if not rows:
            return Resealed(changed, unreadable)
        changed += len(changes)
        after = {"tenant": rows[-1].tenant, "report_id": rows[-1].report_id}
