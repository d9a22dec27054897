"""Reading an import: a CSV or JSON lines, as rows that each know at which line of the file they begin.

What spoils the whole file (its encoding, its quoting, its columns) is refused before anything is stored; what
is wrong with one row is that row's own.
"""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import StringIO
from typing import Any, Literal

from pydantic_core import from_json, to_json

from qipan.contracts.errors import Fault, Invalid, QipanError
from qipan.http import MalformedCsv, MalformedJson, NotUtf8, TooLarge

Kind = Literal["csv", "json-lines"]

MEDIA_TYPES: dict[str, Kind] = {
    "text/csv": "csv",
    "application/jsonl": "json-lines",
    "application/x-ndjson": "json-lines",
}

REQUIRED = ("key", "text", "lon", "lat")
OPTIONAL = (
    "coordinate_system",
    "address",
    "matter",
    "channel",
    "call_id",
    "tenant",
    "contact_name",
    "contact_phone",
)
COLUMNS = (*REQUIRED, *OPTIONAL)
CONTACT = {"contact_name": "name", "contact_phone": "phone"}

WORDS = ("key", "text", "address", "call_id", "contact_name")
"""Columns of free text. A place or a phone number may begin with a sign; these have no reason to."""

FORMULA_BEGINS = ("=", "+", "-", "@", "\t", "\r")
"""How a cell begins that a spreadsheet would calculate (OWASP, CSV injection)."""

_OTHER_ENCODINGS = {"gb18030": "GB18030 (GBK)", "utf-16": "UTF-16"}


@dataclass(frozen=True, slots=True)
class Row:
    """A row that begins at `line` (the file's first is 1): its JSON, or what is wrong with it."""

    line: int
    key: str | None
    body: bytes
    error: QipanError | None = None


def rows_of(body: bytes, kind: Kind, most: int) -> list[Row]:
    """The rows of a file. NotUtf8, MalformedCsv, TooLarge or Invalid for what concerns all of it."""
    text = _text(body)
    found = []
    for row in _csv_rows(text) if kind == "csv" else _json_rows(text):
        if len(found) == most:
            fault = Fault(
                where=f"line {row.line}", what="too many rows", allowed=f"≤ {most} rows in one request"
            )
            raise TooLarge(faults=(fault,))
        found.append(row)
    if not found:
        raise Invalid(faults=(Fault(where="(body)", what="has no rows", allowed="1 row or more"),))
    return found


def as_columns(error: QipanError) -> QipanError:
    """The error with the CSV's column names where it names fields of the JSON."""
    names = {f"contact.{field}": column for column, field in CONTACT.items()}
    faults = tuple(
        fault.model_copy(update={"where": names.get(fault.where, fault.where)}) for fault in error.faults
    )
    return type(error)(error.detail, faults=faults, **error.context)


def _text(body: bytes) -> str:
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start) + 1
        what, allowed = error.reason, "UTF-8"
        for encoding, name in _OTHER_ENCODINGS.items():
            if _reads_as(body, encoding):
                what, allowed = f"{error.reason}; the file reads as {name}", "UTF-8: save the file as that"
                break
        raise NotUtf8(
            faults=(Fault(where=f"line {line}, byte {error.start}", what=what, allowed=allowed),)
        ) from None


def _reads_as(body: bytes, encoding: str) -> bool:
    if encoding == "utf-16" and body[:2] not in (b"\xff\xfe", b"\xfe\xff"):
        return False
    try:
        body.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _csv_rows(text: str) -> Iterator[Row]:
    records = _records(text)
    _, header = next(records, (1, []))
    names = [name.strip() for name in header]
    _check(names)
    for line, cells in records:
        if any(cell.strip() for cell in cells):
            yield _csv_row(line, names, cells)


def _records(text: str) -> Iterator[tuple[int, list[str]]]:
    """The CSV's records with the line at which each begins. MalformedCsv naming the line."""
    reader = csv.reader(StringIO(text, newline=""), strict=True)
    begins = 1
    try:
        for cells in reader:
            if cells:
                yield begins, cells
            begins = reader.line_num + 1
    except csv.Error as error:
        fault = Fault(
            where=f"line {begins}",
            what=f"the row that begins here is broken off: {error}",
            allowed='quotes in pairs; a quote within quotes doubled ("")',
        )
        raise MalformedCsv(faults=(fault,)) from None


def _check(names: Sequence[str]) -> None:
    """Invalid with every column that is missing, unknown or there twice."""
    faults = []
    if len(names) == 1 and any(sign in names[0] for sign in ";\t|"):
        faults.append(Fault(where="line 1", what="the columns are not separated by commas", allowed=","))
    faults += [
        Fault(where=f"line 1, {name}", what="the column is missing", allowed="required")
        for name in REQUIRED
        if name not in names
    ]
    faults += [
        Fault(
            where=f"line 1, {name or '(empty)'}", what="there is no such column", allowed=", ".join(COLUMNS)
        )
        for name in dict.fromkeys(names)
        if name not in COLUMNS
    ]
    faults += [
        Fault(where=f"line 1, {name}", what="the column is there twice", allowed="once")
        for name in dict.fromkeys(names)
        if names.count(name) > 1
    ]
    if faults:
        raise Invalid(faults=tuple(faults))


def _csv_row(line: int, names: Sequence[str], cells: Sequence[str]) -> Row:
    if len(cells) != len(names):
        fault = Fault(
            where="(row)", what=f"has {len(cells)} cells", allowed=f"{len(names)}, one for each column"
        )
        return Row(line, None, b"", Invalid(faults=(fault,)))
    values = {name: cell.strip() for name, cell in zip(names, cells, strict=True) if cell.strip()}
    key = values.get("key")
    faults = tuple(
        Fault(
            where=name,
            what=f"begins like a formula ({values[name][0]})",
            allowed="text that a spreadsheet leaves alone",
        )
        for name in WORDS
        if values.get(name, "").startswith(FORMULA_BEGINS)
    )
    if faults:
        return Row(line, key, b"", Invalid(faults=faults))
    form: dict[str, Any] = {name: value for name, value in values.items() if name not in CONTACT}
    if contact := {CONTACT[name]: value for name, value in values.items() if name in CONTACT}:
        form["contact"] = contact
    return Row(line, key, to_json(form))


def _json_rows(text: str) -> Iterator[Row]:
    # Not splitlines: a text in JSON may hold characters that Python takes for line ends.
    for line, words in enumerate(text.split("\n"), start=1):
        if words.strip():
            yield _json_row(line, words)


def _json_row(line: int, words: str) -> Row:
    body = words.encode()
    try:
        value = from_json(body)
    except ValueError as error:
        fault = Fault(where="(row)", what=str(error), allowed="one JSON object on each line")
        return Row(line, None, b"", MalformedJson(faults=(fault,)))
    if not isinstance(value, dict):
        fault = Fault(where="(row)", what="is not a report", allowed="one JSON object on each line")
        return Row(line, None, b"", Invalid(faults=(fault,)))
    key = value.get("key")
    return Row(line, key if isinstance(key, str) else None, body)
