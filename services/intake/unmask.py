"""Unmasking: an acceptor sees a reporter's name and number, for a purpose that is written down first."""

from typing import Any

from sqlalchemy import Connection, Row, select
from sqlalchemy.dialects.postgresql import insert

from qipan.contracts.commands import ContactAnswer, UnmaskContact
from qipan.contracts.errors import Fault, Invalid, KeyReused, NotFound, Unavailable
from qipan.observability.logs import logger
from qipan.storage import Work
from services.intake import store
from services.intake.contacts import Contacts
from services.intake.sealing import Unsealable
from services.intake.tables import unmaskings

log = logger(__name__)


def unmask(
    work: Work, contacts: Contacts, tenant: str, command: UnmaskContact, *, who: str, command_id: str
) -> ContactAnswer:
    """The contact of a report, once the log says who asked for it and why; a command's repeat is one entry.

    Invalid for a blank purpose, NotFound when there is no such report or its reporter left no contact, KeyReused
    for another question under the same id, Unavailable when the key is not at hand. The log holds what was
    answered: a refusal takes its entry back.
    """
    purpose = " ".join(command.purpose.split())
    if not purpose:
        fault = Fault(where="purpose", what="says nothing", allowed="why the reporter must be reached")
        raise Invalid(faults=(fault,))
    row = store.report(work.conn, tenant, command.report_id)
    if row is None:
        raise NotFound(f"There is no report {command.report_id!r}.")
    if row.contact is None:
        raise NotFound("The reporter left neither a name nor a number nor a mail address.")
    _write_down(work, tenant, command.report_id, purpose, who, command_id)
    try:
        contact = contacts.open(row.contact, tenant, command.report_id)
    except Unsealable as error:
        log.error("a contact cannot be read", report_id=command.report_id, tenant=tenant, reason=str(error))
        raise Unavailable("The contact cannot be read with the keys at hand; tell an operator.") from None
    log.info("contact unmasked", tenant=tenant, report_id=command.report_id, who=who)
    return ContactAnswer(
        report_id=command.report_id, name=contact.name, phone=contact.phone, email=contact.email
    )


def unmaskings_of(conn: Connection, tenant: str, report_id: str) -> list[Row[Any]]:
    """Who saw this report's contact, oldest first."""
    query = select(unmaskings).where(unmaskings.c.tenant == tenant, unmaskings.c.report_id == report_id)
    return list(conn.execute(query.order_by(unmaskings.c.at, unmaskings.c.command_id)))


def _write_down(work: Work, tenant: str, report_id: str, purpose: str, who: str, command_id: str) -> None:
    entry = {
        "tenant": tenant,
        "command_id": command_id,
        "report_id": report_id,
        "who": who,
        "purpose": purpose,
        "at": work.now(tenant),
    }
    if work.conn.execute(insert(unmaskings).values(entry).on_conflict_do_nothing()).rowcount == 1:
        return
    query = select(unmaskings).where(unmaskings.c.tenant == tenant, unmaskings.c.command_id == command_id)
    before = work.conn.execute(query).one()
    if (before.report_id, before.who, before.purpose) != (report_id, who, purpose):
        raise KeyReused()
