"""API keys of other systems: random, shown once to whoever asks for one, and known to us by their digest only.

A key names its tenant (`sandun.<43 characters>`), so that looking it up begins with the tenant. It is as hard
to guess as a 256-bit secret; therefore a plain SHA-256, unsalted, is a safe thing to keep of it.
"""

import secrets
from hashlib import sha256

LONGEST_KEY = 100


def new_api_key(tenant: str) -> str:
    """A fresh key of this tenant. Whoever calls this is the only one who will ever see it."""
    return f"{tenant}.{secrets.token_urlsafe(32)}"


def api_key_digest(key: str) -> str:
    """What is kept of a key: its SHA-256, in hex."""
    return sha256(key.encode()).hexdigest()


def tenant_of_api_key(key: str) -> str | None:
    """The tenant that a key says it is of; None for what cannot be a key."""
    tenant, dot, secret = key.partition(".")
    return tenant if dot and tenant and secret and len(key) <= LONGEST_KEY and key.isascii() else None
