"""A held report as an acceptor's list shows it: the reporter's name and number only masked."""

from typing import Any

from sqlalchemy import Row

from qipan.contracts.queries import HeldReport
from services.intake.accept_clock import shown
from services.intake.contacts import Contacts
from services.intake.desk import Desk

_SEALED = "contact"
_KNOWN = HeldReport.model_fields.keys() - {_SEALED}


def held_report(row: Row[Any], contacts: Contacts, desk: Desk | None = None) -> HeldReport:
    """The list's line for this row: all that is known of it, and how its reporter is reached, masked.

    With the `desk` it also says whom it waits for, and until when.
    """
    columns = row._mapping
    known = {field: columns[field] for field in _KNOWN if field in columns}
    known[_SEALED] = contacts.masked(row.contact, row.tenant, row.report_id)
    known["duplicates"] = row.duplicates or ()
    if desk is not None:
        known |= shown(desk.accept_clock(row.tenant, row.report_id, row.level, row.text, row.held_at))
    return HeldReport.model_validate(known)
