"""How well a trained model recognises what a report is about, and what asking it costs.

The rows are another city's service requests (`BENCH_CSV` or `--csv` names the file; without one this part
is left out). They hold no text of a citizen's, only the name of the request type and the address, so three
texts are made of each row and each figure says which it is of:

- `named`: type and address, as the replay sends them. It has the matter's own words: an upper bound.
- `misspelled`: the type without its code, two neighbouring letters of every longer word swapped: what a person
  types in a hurry. The words of the rules no longer match.
- `place`: address and neighbourhood alone: what there is to know when nobody says what is wrong.
"""

import csv
import os
import random
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from services.intake.classify import Vocabulary, Wording
from services.intake.learning import LEAST_ROWS, evaluate, train
from services.intake.lessons import Lesson

CSV = "BENCH_CSV"
THRESHOLD = 0.6
ASKED = 2_000

Row = Mapping[str, str]


def measure(file: Path | None, *, rows: int | None = None) -> dict[str, Any]:
    """The figures over the first `rows` of the file (None: all); nothing without the file."""
    chosen = file or (Path(os.environ[CSV]) if os.environ.get(CSV) else None)
    if chosen is None or not chosen.is_file():
        return {}
    with chosen.open(encoding="utf-8-sig", newline="") as text:
        found = [row for row in csv.DictReader(text) if row["SRType"]][:rows]
    types = sorted({row["SRType"] for row in found})
    vocabulary = Vocabulary(Wording(type, (type.partition("-")[2].strip() or type,)) for type in types)
    now = datetime.now(UTC)
    result: dict[str, Any] = {"file": chosen.name, "rows": len(found)}
    for name, told in TEXTS.items():
        lessons = [Lesson(told(row), row["SRType"]) for row in found]
        began = time.process_time()
        result[name] = evaluate(lessons, vocabulary, THRESHOLD, now).to_dict()
        result[name]["learning_cpu_s"] = round(time.process_time() - began, 1)
    result["asking"] = _asking([Lesson(_named(row), row["SRType"]) for row in found])
    return result


def _asking(lessons: list[Lesson]) -> dict[str, Any]:
    """CPU of one report: by the model, and by the words alone."""
    model = train(lessons, "bench", datetime.now(UTC), least_rows=LEAST_ROWS)
    texts = [lesson.text for lesson in (lessons * (ASKED // len(lessons) + 1))[:ASKED]]
    vocabulary = Vocabulary(
        Wording(matter, (matter.partition("-")[2].strip() or matter,)) for matter in model.matters
    )
    return {
        "matters": len(model.matters),
        "runs": len(model.runs),
        "file_bytes": len(model.to_bytes()),
        "model_ms_per_report": _cost(model.guess, texts),
        "words_ms_per_report": _cost(vocabulary.classify, texts),
    }


def _cost(ask: Callable[[str], object], texts: list[str]) -> float:
    for text in texts[:50]:
        ask(text)
    began = time.process_time()
    for text in texts:
        ask(text)
    return round((time.process_time() - began) * 1000 / len(texts), 4)


def _named(row: Row) -> str:
    return f"{row['SRType']}: {row['Address']}"


def _misspelled(row: Row) -> str:
    """Always the same misspelling for the same row, so that a run can be repeated."""
    chance = random.Random(row["SRRecordID"])
    words = []
    for word in (row["SRType"].partition("-")[2].strip() or row["SRType"]).split():
        if len(word) > 3:
            at = chance.randrange(1, len(word) - 1)
            word = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
        words.append(word)
    return f"{' '.join(words)}, {row['Address']}"


def _place(row: Row) -> str:
    return f"{row['Address']} {row['Neighborhood']}"


TEXTS: Mapping[str, Callable[[Row], str]] = {"named": _named, "misspelled": _misspelled, "place": _place}
