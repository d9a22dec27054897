"""What a model learns from: what reports said, and what people say they were about."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, text

from services.intake.tables import SCHEMA

MOST = 50_000
"""The newest lessons that are taken: what towns call things changes."""

MACHINES = ("sensor", "camera")
"""Channels whose texts are a machine's own and would teach how a machine speaks."""

COLUMNS = ("text", "matter")


class LessonFault(ValueError):
    """The lessons cannot be used; the text names every fault."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """A text and the matter that it is about."""

    text: str
    matter: str


# A person decided (neither the rules nor the waiting time did), or whoever reported named the matter and it held.
_DECIDED = text(f"""
    SELECT text, matter FROM {SCHEMA}.reports
    WHERE tenant = ANY(:tenants) AND matter IS NOT NULL AND triaged_at IS NOT NULL AND held_at IS NULL
        AND status NOT IN ('declined', 'voided') AND channel <> ALL(:machines)
        AND (decided_by NOT IN ('rules', 'waited') OR matter_given = matter)
    ORDER BY received_at DESC, report_id LIMIT :most
""")


def lessons_of(conn: Connection, tenants: Sequence[str], most: int = MOST) -> list[Lesson]:
    """The newest reports of these tenants whose matter a person named or corrected."""
    found = conn.execute(_DECIDED, {"tenants": list(tenants), "machines": list(MACHINES), "most": most})
    return [Lesson(row.text, row.matter) for row in found]


def read_lessons(file: Path) -> list[Lesson]:
    """The rows of a CSV with the columns `text` and `matter`. LessonFault with every fault and its line."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.DictReader(lines, strict=True)
            missing = [column for column in COLUMNS if column not in (reader.fieldnames or ())]
            if missing:
                raise LessonFault(f"{file}: lacks the column(s) {', '.join(missing)}")
            found, faults = [], []
            for row in reader:
                words, matter = ((row[column] or "").strip() for column in COLUMNS)
                if words and matter:
                    found.append(Lesson(words, matter))
                else:
                    faults.append(f"line {reader.line_num}: text and matter must both be there")
    except UnicodeDecodeError as error:
        raise LessonFault(f"{file}: is not UTF-8 (byte {error.start}); save it as UTF-8") from None
    except csv.Error as error:
        raise LessonFault(f"{file}: line {reader.line_num}: {error}") from None
    if faults:
        raise LessonFault(f"{file}: " + "; ".join(faults))
    return found
