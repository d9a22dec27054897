"""A held report as an acceptor's list shows it: the reporter's name and number only masked."""

from typing import Any

from sqlalchemy import Row

from qipan.contracts.level import Level
from qipan.contracts.queries import HeldReport
from services.intake.contacts import Contacts


def held_report(row: Row[Any], contacts: Contacts) -> HeldReport:
    """The list's line for this row."""
    return HeldReport(
        report_id=row.report_id,
        tenant=row.tenant,
        text=row.text,
        channel=row.channel,
        lon=row.lon,
        lat=row.lat,
        reason=row.reason,
        received_at=row.received_at,
        level=Level(row.level) if row.level else None,
        contact=contacts.masked(row.contact, row.tenant, row.report_id),
    )
