"""What a backup says about itself, and whether what was restored is the same. Pure."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Manifest:
    """`at` is the moment (UTC, ISO 8601); `rows` table → rows then; `digests` table → a mark of all their contents;
    `revisions` schema → newest migration; `events` how many were on their way; `undrained` the queues whose older
    messages could not be awaited; `files` name → SHA-256."""

    version: str
    at: str
    revisions: Mapping[str, str]
    rows: Mapping[str, int]
    digests: Mapping[str, str]
    events: int
    undrained: tuple[str, ...]
    files: Mapping[str, str]

    def as_text(self) -> str:
        """As JSON."""
        return json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def from_text(cls, text: str) -> "Manifest":
        """As written by `as_text`; ValueError when it is not that."""
        try:
            raw: dict[str, Any] = json.loads(text)
            return cls(**{**raw, "undrained": tuple(raw["undrained"])})
        except (TypeError, KeyError) as error:
            raise ValueError("this is not a backup's manifest") from error


def differences(manifest: Manifest, rows: Mapping[str, int], digests: Mapping[str, str]) -> list[str]:
    """What differs between a backup and what was restored from it, a line each; empty when nothing does."""
    found = []
    for table, wanted in sorted(manifest.rows.items()):
        has = rows.get(table)
        if has is None:
            found.append(f"{table} is missing")
        elif has != wanted:
            found.append(f"{table} has {has} rows, the backup {wanted}")
        elif digests.get(table) != manifest.digests.get(table):
            found.append(f"{table} has other contents than the backup")
    return found
