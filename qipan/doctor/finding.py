"""One thing that was looked at: how it is, and what to do about it."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from qipan.tenancy.words import Words

NOTHING = Words("", "")


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"  # works, and will not for long, or not well
    FAULT = "fault"  # somebody is not served, or would not be after a start


@dataclass(frozen=True, slots=True)
class Finding:
    """`area` is what was looked at, `what` is how it is, `do` what to do (empty when it is well)."""

    area: str
    level: Level
    what: Words
    do: Words = NOTHING

    def as_json(self) -> dict[str, Any]:
        """For a machine: both languages."""
        return {
            "area": self.area,
            "level": self.level.value,
            "what": {"zh": self.what.zh, "en": self.what.en},
            "do": {"zh": self.do.zh, "en": self.do.en},
        }


def ok(area: str, zh: str, en: str) -> Finding:
    """All is well there."""
    return Finding(area, Level.OK, Words(zh, en))


def warning(area: str, what: Words, do: Words) -> Finding:
    """It works, but look after it."""
    return Finding(area, Level.WARNING, what, do)


def fault(area: str, what: Words, do: Words) -> Finding:
    """Somebody is not served."""
    return Finding(area, Level.FAULT, what, do)


def worst(findings: Iterable[Finding]) -> Level:
    """The level of the whole."""
    levels = {finding.level for finding in findings}
    return next((level for level in (Level.FAULT, Level.WARNING) if level in levels), Level.OK)
