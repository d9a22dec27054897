"""Reference pages that are made from the code: written, or in CI compared with what is there."""

import sys
from pathlib import Path

REFERENCE = Path(__file__).parents[1] / "docs" / "reference"


def main(name: str, text: str, arguments: list[str] | None = None) -> int:
    """Write `docs/reference/<name>`; with `--check` only compare it. Returns an exit status."""
    page = REFERENCE / name
    if "--check" not in (sys.argv[1:] if arguments is None else arguments):
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(text, encoding="utf-8")
        return 0
    if is_current(name, text):
        return 0
    sys.stderr.write(f"{page} is out of date: run the same command without --check\n")
    return 1


def is_current(name: str, text: str) -> bool:
    """Whether `docs/reference/<name>` says what the code says."""
    page = REFERENCE / name
    return page.is_file() and page.read_text(encoding="utf-8") == text
