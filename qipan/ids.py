"""Identifiers: new ones sort by the time they were made, derived ones are the same on every replay."""

import random
import time
import uuid

_NAMESPACE = uuid.UUID("6f1c8f0a-51a5-5d0e-9b1e-33010600c0de")


def new_id() -> str:
    """A fresh UUIDv7 in text: unique, and ordered by creation so that indexes grow at one end.

    It is no secret: it can be guessed by who knows others, and nothing may rest on its being unknown.
    """
    value = (time.time_ns() // 1_000_000) << 80 | random.getrandbits(80)
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return str(uuid.UUID(int=value))


def derived_id(*parts: str) -> str:
    """The one identifier that belongs to these parts: what is derived twice is still the same thing."""
    return str(uuid.uuid5(_NAMESPACE, "\x1f".join(parts)))
