"""What a photo's file is called, and the tickets that open it for a while.

A name is made of the content and a secret: the same photo of a tenant has one file, and who knows the photo, or
all other names, cannot guess one.
"""

import hmac
import re
from base64 import urlsafe_b64encode
from hashlib import blake2b
from typing import NamedTuple

from services.intake.photo_header import Kind

TICKET_SECONDS = 300
"""How long a link to a photo holds, in seconds of real time: long enough to look, too short to pass around."""

_ENDINGS = {Kind.JPEG: "jpg", Kind.PNG: "png", Kind.WEBP: "webp"}
_PATH = re.compile(
    r"(?P<tenant>[^/]+)/[0-9a-f]{2}/(?P<name>[0-9a-f]{48})\.(?:jpg|png|webp)(?P<part>\.[0-9a-f]{16}\.part)?"
)


_NAME = re.compile(r"[0-9a-f]{48}")


class Named(NamedTuple):
    """A photo's file; not `whole` while, or because, somebody died writing it."""

    tenant: str
    name: str
    whole: bool


class PhotoNames:
    """Names and tickets under one secret, the door's."""

    def __init__(self, secret: str) -> None:
        self._naming = blake2b(secret.encode(), person=b"qipan photo").digest()
        self._sealing = blake2b(secret.encode(), person=b"qipan ticket").digest()

    def name(self, tenant: str, content: bytes) -> str:
        """The photo's id: 48 hexadecimal digits."""
        told = blake2b(content).digest()
        return blake2b(tenant.encode() + b"\0" + told, key=self._naming, digest_size=24).hexdigest()

    def ticket(self, tenant: str, report_id: str, name: str, until: int) -> str:
        """What opens one photo of one report until then (real time, seconds since 1970)."""
        told = f"{tenant}/{report_id}/{name}/{until}"
        seal = blake2b(told.encode(), key=self._sealing, digest_size=30).digest()
        return f"{tenant}.{until}.{urlsafe_b64encode(seal).decode()}"

    def tenant_of(self, ticket: str, report_id: str, name: str, now: float) -> str | None:
        """The tenant whose photo this ticket opens, or None when it opens nothing (any more)."""
        tenant, _, rest = ticket.partition(".")
        until = rest.partition(".")[0]
        if not until.isascii() or not until.isdigit() or len(until) > 12:
            return None
        right = self.ticket(tenant, report_id, name, int(until))
        if not hmac.compare_digest(ticket.encode(), right.encode()) or int(until) <= now:
            return None
        return tenant


def is_name(text: str) -> bool:
    """Whether a photo may be called so."""
    return _NAME.fullmatch(text) is not None


def path_of(tenant: str, name: str, kind: Kind) -> str:
    """Where the photo lies, the tenant first."""
    return f"{tenant}/{name[:2]}/{name}.{_ENDINGS[kind]}"


def named_by(path: str) -> Named | None:
    """What a path stands for; None for what is none of ours."""
    found = _PATH.fullmatch(path)
    return Named(found["tenant"], found["name"], found["part"] is None) if found else None
