"""The chain of a case's history: each row's hash covers the row and the hash before it. Pure.

    seal = SHA-256(the row as canonical JSON)
    hash = SHA-256(hash before · seal · real time in microseconds, 8 bytes big-endian · digest of the case's state)

`writing.py` computes the last line where the case's row is locked. Whoever changes, takes out or cuts off a row
would have to compute every later hash again, and the case's own copy of the last.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256

_canonical = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_BEGIN = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of the history as it is stored; without a hash, it is older than the chain."""

    version: int
    at: datetime
    real_at: datetime
    what: str
    who: str
    authority: str | None
    message_id: str | None
    traceparent: str | None
    detail: Mapping[str, str]
    shown: bytes | None
    hash: bytes | None


@dataclass(frozen=True, slots=True)
class Head:
    """What the case itself says of its history: its version, its last hash, and the digest of its state now."""

    tenant: str
    case_id: str
    version: int
    chain: bytes | None
    shown: bytes
    unlike: str = ""
    """The columns beside the state that say something else than it does, by commas."""


def seal(
    tenant: str,
    case_id: str,
    version: int,
    at: datetime,
    what: str,
    who: str,
    authority: str | None,
    message_id: str | None,
    traceparent: str | None,
    detail: Mapping[str, str],
) -> bytes:
    """The digest of one row: of what, when, who, by which right, caused by which message."""
    row = [tenant, case_id, version, _microseconds(at), what, who, authority, message_id, traceparent]
    return sha256(_canonical([*row, sorted(detail.items())]).encode()).digest()


def link(before: bytes | None, sealed: bytes, real_at: datetime, shown: bytes) -> bytes:
    """The hash of a row after the one whose hash is `before` (None: it is the first)."""
    return sha256((before or b"") + sealed + _microseconds(real_at).to_bytes(8, "big") + shown).digest()


def broken(head: Head, entries: Sequence[Entry], begun: datetime | None = None) -> str | None:
    """Where a case's chain does not hold, in words, or None. `entries` by version.

    `begun`: when chains began here (real time); what was written later and has no hash is older than nothing.
    """
    before: bytes | None = None
    for number, entry in enumerate(entries, start=1):
        if entry.version != number:
            return f"row {number} is missing"
        if entry.hash is None:
            if before is not None:
                return f"row {number} has no hash, although one before it has"
            if begun is not None and entry.real_at >= begun:
                return f"row {number} has no hash, although it was written after chains began"
            continue
        sealed = seal(
            head.tenant,
            head.case_id,
            entry.version,
            entry.at,
            entry.what,
            entry.who,
            entry.authority,
            entry.message_id,
            entry.traceparent,
            entry.detail,
        )
        if entry.shown is None or link(before, sealed, entry.real_at, entry.shown) != entry.hash:
            return f"row {number} ({entry.what}) is not what was written, or what was before it"
        before = entry.hash
    return _end(head, entries, before)


def _end(head: Head, entries: Sequence[Entry], last: bytes | None) -> str | None:
    """Whether the case and its newest row belong together."""
    if len(entries) != head.version:
        return f"the case is at version {head.version}, and its history ends with row {len(entries)}"
    if head.chain != last:
        return "the case's own hash is not that of its last row"
    if last is not None and entries[-1].shown != head.shown:
        return "the case's state is not the one that its last row speaks of"
    if head.unlike:
        return f"the case's columns say something else than its state: {head.unlike}"
    return None


def _microseconds(at: datetime) -> int:
    gone = at - _BEGIN
    return (gone.days * 86_400 + gone.seconds) * 1_000_000 + gone.microseconds
