"""The reporter's tracking token: who holds it may see a report's public status and rate it.

It is computed from the report and a secret of the door's, so a repeated request gets the same token and
nothing that opens a report is ever stored.
"""

import hmac
from base64 import urlsafe_b64encode
from hashlib import blake2b

from services.intake.digest import keyed_digest


class TrackingTokens:
    """Makes and reads tracking tokens: `<tenant>.<40 characters>`."""

    def __init__(self, secret: str) -> None:
        self._key = blake2b(secret.encode()).digest()
        self._secret = secret

    def token(self, tenant: str, report_id: str) -> str:
        """The token of this report of this tenant."""
        # The hot path: unlike OpenSSL's HMAC, BLAKE2 does not give up the interpreter to the writer thread.
        seal = blake2b(f"{tenant}/{report_id}".encode(), key=self._key, digest_size=30).digest()
        return f"{tenant}.{urlsafe_b64encode(seal).decode()}"

    def keyed(self, digest: str) -> str:
        """The digest of a request that holds personal data, as it may be stored."""
        return keyed_digest(digest, self._secret)

    def tenant_of(self, token: str, report_id: str) -> str | None:
        """The tenant whose report `report_id` this token opens, or None when it opens nothing."""
        tenant = token.partition(".")[0]
        right = hmac.compare_digest(token.encode(), self.token(tenant, report_id).encode())
        return tenant if right else None
