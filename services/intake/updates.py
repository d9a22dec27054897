"""Reporters who want to hear by mail: their addresses, sealed, and the tokens by which they end it."""

from typing import Literal

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from qipan.contracts.citizens import ReporterReached, UpdatesWanted
from qipan.contracts.errors import NotFound, Unavailable
from qipan.observability.logs import logger
from qipan.storage import Work
from services.intake import store
from services.intake.contacts import Contacts
from services.intake.forms import Contact
from services.intake.sealing import Unsealable
from services.intake.tables import updates
from services.intake.tracking import TrackingTokens

log = logger(__name__)

_STOPS = "/updates"
"""What a token is made of beside the report's id: it ends the updates, and opens nothing."""


def stop_token(tokens: TrackingTokens, tenant: str, report_id: str) -> str:
    """The token by which updates about a report end."""
    return tokens.token(tenant, report_id + _STOPS)


def stopped_by(tokens: TrackingTokens, token: str, report_id: str) -> str | None:
    """The tenant whose report's updates this token ends, if any."""
    return tokens.tenant_of(token, report_id + _STOPS)


def want(
    work: Work, contacts: Contacts, tenant: str, report_id: str, email: str, language: Literal["zh", "en"]
) -> None:
    """Keep the address, sealed, and tell that its owner wants to hear; NotFound when there is no such report."""
    if store.report(work.conn, tenant, report_id) is None:
        raise NotFound
    sealed = contacts.seal(Contact(email=email), tenant, report_id)
    _keep(work, tenant, report_id, sealed)
    _tell(work, tenant, report_id, True, language)


def stop(work: Work, tenant: str, report_id: str) -> None:
    """Forget the address and tell that nothing more is wanted; again does no harm."""
    _keep(work, tenant, report_id, None)
    _tell(work, tenant, report_id, False, "zh")


def reached(
    work: Work, contacts: Contacts, tokens: TrackingTokens, tenant: str, report_id: str
) -> ReporterReached:
    """Where updates about a report go now; Unavailable when the key is not at hand."""
    query = select(updates.c.contact).where(updates.c.tenant == tenant, updates.c.report_id == report_id)
    sealed = work.conn.execute(query).scalar_one_or_none()
    if sealed is None:
        return ReporterReached()
    try:
        email = contacts.open(sealed, tenant, report_id).email
    except Unsealable as error:
        log.error("a contact cannot be read", report_id=report_id, tenant=tenant, reason=str(error))
        raise Unavailable("The address cannot be read with the keys at hand; tell an operator.") from None
    return ReporterReached(email=email, stop_token=stop_token(tokens, tenant, report_id))


def _keep(work: Work, tenant: str, report_id: str, sealed: bytes | None) -> None:
    row = {"tenant": tenant, "report_id": report_id, "contact": sealed, "changed_at": work.now(tenant)}
    new = insert(updates).values(row)
    work.conn.execute(
        new.on_conflict_do_update(
            index_elements=("tenant", "report_id"),
            set_={name: new.excluded[name] for name in ("contact", "changed_at")},
        )
    )


def _tell(work: Work, tenant: str, report_id: str, wanted: bool, language: Literal["zh", "en"]) -> None:
    event = UpdatesWanted(report_id=report_id, wanted=wanted, language=language, changed_at=work.now(tenant))
    work.publish(event, tenant=tenant, subject=report_id)
