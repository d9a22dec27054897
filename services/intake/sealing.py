"""Sealing: AES-256-GCM under numbered keys. What is sealed opens only as what it was sealed for.

A sealed value is one byte of format, two of the key's number, twelve of nonce, then ciphertext and tag.
"""

import os
import re
from collections.abc import Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_FORMAT = 1
_NONCE = 12
_HEAD = 3
_KEY = re.compile(r"([1-9][0-9]{0,4}):([0-9a-fA-F]{64})")
HIGHEST_NUMBER = 65_535


class Unsealable(ValueError):
    """The value cannot be opened: its key is not in the ring, or it is not what was sealed for this."""


class Keyring:
    """Keys by number. The highest seals; every one opens, so that old values outlive a change of keys."""

    def __init__(self, keys: Mapping[int, bytes]) -> None:
        self._ciphers = {number: AESGCM(key) for number, key in keys.items()}
        self.newest = max(keys, default=0)

    @classmethod
    def parse(cls, text: str) -> "Keyring":
        """The ring that a setting describes: `2:<64 hex digits>,1:<64 hex digits>`; ValueError otherwise."""
        keys: dict[int, bytes] = {}
        for part in filter(None, re.split(r"[,\s]+", text)):
            found = _KEY.fullmatch(part)
            number = int(found[1]) if found else 0
            if found is None or number > HIGHEST_NUMBER or number in keys:
                raise ValueError(
                    "QIPAN_CONTACT_KEYS must be number:key pairs such as 2:…,1:… with different numbers "
                    f"of 1 to {HIGHEST_NUMBER} and keys of 64 hexadecimal digits"
                )
            keys[number] = bytes.fromhex(found[2])
        return cls(keys)

    def seal(self, plain: bytes, purpose: bytes) -> bytes:
        """`plain`, sealed for `purpose` under the newest key; Unsealable when the ring is empty."""
        if not self.newest:
            raise Unsealable("there is no key to seal with")
        nonce = os.urandom(_NONCE)
        head = bytes((_FORMAT,)) + self.newest.to_bytes(2, "big")
        return head + nonce + self._ciphers[self.newest].encrypt(nonce, plain, head + purpose)

    def open(self, sealed: bytes, purpose: bytes) -> bytes:
        """What was sealed for `purpose`; Unsealable for anything else."""
        cipher = self._ciphers.get(self.key_of(sealed))
        if cipher is None:
            raise Unsealable(f"key {self.key_of(sealed)} is not in the ring")
        head, nonce = sealed[:_HEAD], sealed[_HEAD : _HEAD + _NONCE]
        try:
            return cipher.decrypt(nonce, sealed[_HEAD + _NONCE :], head + purpose)
        except (InvalidTag, ValueError):
            raise Unsealable("it was not sealed with this key for this purpose") from None

    @staticmethod
    def key_of(sealed: bytes) -> int:
        """The number of the key it was sealed with; Unsealable when it is no sealed value."""
        if len(sealed) < _HEAD + _NONCE or sealed[0] != _FORMAT:
            raise Unsealable("it is not a sealed value")
        return int.from_bytes(sealed[1:_HEAD], "big")
