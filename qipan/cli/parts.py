"""A file of rows in parts that one request may bring, each with the line of the file at which it begins."""

from collections.abc import Iterator
from dataclasses import dataclass

PART_ROWS = 1_000
PART_BYTES = 2_000_000


@dataclass(frozen=True, slots=True)
class Part:
    """Some rows. Line `n` of what is sent is line `n + ahead` of the file."""

    body: bytes
    ahead: int


def parts(content: bytes, *, header: bool, rows: int = PART_ROWS, size: int = PART_BYTES) -> Iterator[Part]:
    """The file cut between rows, the header before each part. A row may span lines within quotes.

    A part has at least one row, however large that is.
    """
    lines = (
        content.removeprefix(b"\xef\xbb\xbf").splitlines(keepends=True) if header else content.split(b"\n")
    )
    records = list(_records(lines)) if header else [(i, line + b"\n") for i, line in enumerate(lines) if line]
    top = records.pop(0)[1] if header and records else b""
    above = top.count(b"\n")
    held: list[bytes] = []
    begins = total = 0
    for line, record in records:
        if held and (len(held) == rows or total + len(record) > size):
            yield Part(top + b"".join(held), begins - above)
            held, total = [], 0
        if not held:
            begins = line
        elif not header:
            held += [b"\n"] * (line - begins - len(held))  # blank lines count too
        held.append(record)
        total += len(record)
    if held:
        yield Part(top + b"".join(held), begins - above)


def _records(lines: list[bytes]) -> Iterator[tuple[int, bytes]]:
    """Rows with the number (from 0) of their first line: one ends where its quotes are in pairs."""
    begins, quotes, held = 0, 0, []
    for number, line in enumerate(lines):
        held.append(line)
        quotes += line.count(b'"')
        if quotes % 2 == 0:
            yield begins, b"".join(held)
            begins, held = number + 1, []
    if held:
        yield begins, b"".join(held)
