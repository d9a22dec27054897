"""Signed tokens: Ed25519 JWTs. Whoever holds the verify key can check one; only the signing key makes one."""

import json
import threading
import time
from collections.abc import Callable

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from qipan.access.principal import AUDIENCE, Principal, Role
from qipan.contracts.errors import Unauthenticated

ALGORITHM = "Ed25519"
LONGEST_TOKEN = 8192
"""Bytes; a longer one is refused before any work is spent on it."""


def new_keys() -> tuple[str, str]:
    """A fresh pair (signing key, verify key), each a JWK in JSON as the settings hold it."""
    key = OKPKey.generate_key("Ed25519")
    return json.dumps(key.as_dict(private=True)), json.dumps(key.as_dict(private=False))


def _key(text: str, setting: str, *, private: bool) -> OKPKey:
    try:
        key = OKPKey.import_key(json.loads(text))
    except (JoseError, TypeError, ValueError, KeyError) as error:
        raise ValueError(f"{setting} must be an Ed25519 key as JWK in JSON; `new_keys` makes one") from error
    if key.as_dict().get("crv") != "Ed25519" or (private and not key.is_private):
        raise ValueError(f"{setting} must be an Ed25519 key as JWK in JSON; `new_keys` makes one")
    return key


class Signer:
    """Makes tokens. `signing_key` is the first text of `new_keys`; ValueError when it is not one."""

    def __init__(self, signing_key: str, now: Callable[[], float] = time.time) -> None:
        self._key = _key(signing_key, "QIPAN_SIGNING_KEY", private=True)
        self._now = now

    def token(self, principal: Principal, seconds: float) -> str:
        """A token for this principal that holds for `seconds` of real time from now."""
        now = self._now()
        claims = {
            "sub": principal.sub,
            "name": principal.name,
            "tenant": principal.tenant,
            "roles": sorted(principal.roles),
            "units": sorted(principal.units),
            "cells": sorted(principal.cells),
            "aud": principal.aud,
            "iat": int(now),
            "exp": int(now + seconds),
        }
        return jwt.encode({"alg": ALGORITHM}, claims, self._key, algorithms=[ALGORITHM])


class Verifier:
    """Checks tokens against one verify key and audience, and remembers those that held until they expire.

    The memory is bounded: beyond `remember` tokens the oldest is forgotten and checked again. Tokens that did
    not hold are never remembered, so they cannot push out those that do.
    """

    def __init__(
        self,
        verify_key: str,
        audience: str = AUDIENCE,
        now: Callable[[], float] = time.time,
        remember: int = 10_000,
    ) -> None:
        self._key = _key(verify_key, "QIPAN_VERIFY_KEY", private=False)
        self._audience = audience
        self._now = now
        self._remember = remember
        self._held: dict[str, Principal] = {}
        self._lock = threading.Lock()

    def verify(self, token: str | None) -> Principal:
        """The principal who bears this token; Unauthenticated when there is none or it does not hold."""
        if not token:
            raise Unauthenticated("Nobody is signed in.")
        principal = self._held.get(token)
        if principal is None:
            principal = self._read(token)
            with self._lock:
                if len(self._held) >= self._remember:
                    del self._held[next(iter(self._held))]
                self._held[token] = principal
        if principal.exp <= self._now():
            with self._lock:
                self._held.pop(token, None)
            raise Unauthenticated("The token has expired; sign in again.")
        return principal

    def _read(self, token: str) -> Principal:
        if len(token) > LONGEST_TOKEN:
            raise Unauthenticated("The token does not hold.")
        try:
            claims = jwt.decode(token, self._key, algorithms=[ALGORITHM]).claims
            if claims["aud"] != self._audience:
                raise Unauthenticated("The token is for somebody else.")
            return Principal(
                sub=str(claims["sub"]),
                name=str(claims["name"]),
                tenant=str(claims["tenant"]),
                roles=frozenset(Role(role) for role in claims["roles"]),
                units=frozenset(claims["units"]),
                cells=frozenset(claims["cells"]),
                exp=float(claims["exp"]),
                aud=str(claims["aud"]),
            )
        except (JoseError, KeyError, TypeError, ValueError) as error:
            raise Unauthenticated("The token does not hold.") from error
