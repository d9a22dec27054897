"""Reporters' names, phone numbers and mail addresses: sealed where they are stored, masked where they are listed."""

from pydantic_core import from_json

from qipan.contracts.queries import MaskedContact
from qipan.observability.logs import logger
from services.intake.forms import Contact
from services.intake.masking import mask_email, mask_name, mask_phone
from services.intake.sealing import Keyring, Unsealable

log = logger(__name__)


class Contacts:
    """Seals and opens contacts. A sealed contact belongs to one report: moved to another's row it stays shut."""

    def __init__(self, keys: Keyring) -> None:
        self._keys = keys

    @property
    def newest_key(self) -> int:
        """The number of the key that contacts are sealed with now."""
        return self._keys.newest

    def seal(self, contact: Contact | None, tenant: str, report_id: str) -> bytes | None:
        """The contact as it is stored; None when there is nothing in it."""
        if contact is None or contact.name is contact.phone is contact.email is None:
            return None
        plain = contact.model_dump_json(exclude_none=True).encode()
        return self._keys.seal(plain, _purpose(tenant, report_id))

    def open(self, sealed: bytes, tenant: str, report_id: str) -> Contact:
        """The contact of this report; Unsealable when it cannot be read with the keys at hand."""
        plain = from_json(self._keys.open(bytes(sealed), _purpose(tenant, report_id)))
        return Contact.model_construct(
            name=plain.get("name"), phone=plain.get("phone"), email=plain.get("email")
        )

    def masked(self, sealed: bytes | None, tenant: str, report_id: str) -> MaskedContact | None:
        """What a list may show of it; None for an anonymous report, and for one that cannot be read here."""
        if sealed is None:
            return None
        try:
            contact = self.open(sealed, tenant, report_id)
        except Unsealable as error:
            log.error("a contact cannot be read", report_id=report_id, tenant=tenant, reason=str(error))
            return None
        return MaskedContact(
            name=None if contact.name is None else mask_name(contact.name),
            phone=None if contact.phone is None else mask_phone(contact.phone),
            email=None if contact.email is None else mask_email(contact.email),
        )

    def resealed(self, sealed: bytes, tenant: str, report_id: str) -> bytes:
        """The same under the newest key; Unsealable when it cannot be read."""
        purpose = _purpose(tenant, report_id)
        return self._keys.seal(self._keys.open(bytes(sealed), purpose), purpose)


def _purpose(tenant: str, report_id: str) -> bytes:
    return f"contact\0{tenant}\0{report_id}".encode()
