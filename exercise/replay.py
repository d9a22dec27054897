"""`python -m exercise.replay FILE --mapping M.toml`: another city's service requests through the public API.

The rows make the district (`qipan.tenancy.from_rows`); then every row is sent as a report and ends accepted,
or refused with a reason and its line number. A second row with the same id is refused (`duplicate-row`).
"""

import argparse
import asyncio
import csv
import json
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

from rich.console import Console
from rich.table import Table

from exercise.books import Books
from exercise.house import audit_urls, open_house
from exercise.ledger import Ledger
from exercise.players.client import HttpClient
from exercise.playground import playground
from exercise.rows import Line, Row, Translator, Unusable
from exercise.sending import Refused, Sent, send
from exercise.settling import settled_books
from qipan.hosting.running import RunningDistrict
from qipan.settings import settings
from qipan.tenancy import District
from qipan.tenancy.from_rows import build_pack
from qipan.tenancy.mapping import ReplayMapping, load_mapping

SETTLE_SECONDS = 90.0
"""Real seconds without any progress after which the books are taken as they are; a retry may wait a minute."""


@dataclass(frozen=True, slots=True)
class Options:
    """How a replay is run. `speed`: rows a second (0: as fast as answered); `limit`: rows at most."""

    file: Path
    mapping: Path
    speed: float
    limit: int | None
    out: Path
    keep: bool


def main(arguments: Sequence[str] | None = None) -> int:
    """Replay the file; returns 0 when every row was answered and the books balance, else 1."""
    options = _options(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    console = Console()
    try:
        with playground(settings().var, "replay", keep=options.keep) as base:
            return _run(options, console, base)
    except KeyboardInterrupt:
        console.print("stopped")
        return 130


def _run(options: Options, console: Console, base: Path) -> int:
    began = time.monotonic()
    mapping = load_mapping(options.mapping)
    rows = [row for _, row in read_rows(options.file, mapping.encoding)]
    console.print(f"making a district of {len(rows)} rows")
    pack = build_pack(
        [{name: value or "" for name, value in row.items()} for row in rows], mapping, base / "pack"
    )
    chosen = settings().model_copy(update={"district": pack})
    with open_house(chosen, base, lambda: "", console.print) as running:
        ledger = base / "ledger.jsonl"
        sent = asyncio.run(_send(options, mapping, running, ledger, console))
        console.print("waiting until every report has found its place")
        books = settled_books(audit_urls(running), ledger, patience=SETTLE_SECONDS, say=console.print)
    _show(console, sent, books)
    _write(options, sent, books, time.monotonic() - began)
    balanced = books.balanced and books.accepted == sent.accepted and sent.unanswered == 0
    console.print(f"{'✓' if balanced else '✗'} {options.out}")
    return 0 if balanced else 1


def read_rows(file: Path, encoding: str) -> Iterator[tuple[int, Row]]:
    """The rows of a CSV, each with the line at which it ends in the file (a quoted value may span lines)."""
    with file.open(encoding=encoding, newline="") as text:
        reader = csv.DictReader(text)
        for row in reader:
            yield reader.line_num, row


def codes_of(district: District) -> dict[str, str]:
    """The file's word for a matter → the code that the district made of it."""
    return {
        matter.name.en: code
        for town in district.towns
        for code, matter in district.matters_of(town.id).items()
    }


async def _send(
    options: Options, mapping: ReplayMapping, running: RunningDistrict, ledger: Path, console: Console
) -> Sent:
    translator = Translator(mapping, codes_of(running.district))

    def rows() -> Iterator[Line | Unusable]:
        for line, row in islice(read_rows(options.file, mapping.encoding), options.limit):
            yield translator.translate(line, row)

    said = 0

    def say(sent: Sent) -> None:
        nonlocal said
        done = sent.accepted + len(sent.refused)
        if done >= said + 1000:
            said = done
            console.print(f"sent {done}: accepted {sent.accepted}, refused {len(sent.refused)}")

    async with HttpClient(running.gateway_url, patience=120.0) as http:
        with Ledger(ledger) as written:
            return await send(rows(), http, written, rows_per_second=options.speed, watch=say)


def _show(console: Console, sent: Sent, books: Books) -> None:
    table = Table(title="Replay", show_header=False)
    table.add_column(style="bold")
    table.add_column(justify="right")
    for words, number in (
        ("accepted", sent.accepted),
        ("refused", len(sent.refused)),
        ("unanswered", sent.unanswered),
        ("visible", books.visible),
        ("filed", books.filed),
        ("lost", books.lost),
        ("duplicate effects", books.duplicate_effects),
    ):
        table.add_row(words, str(number))
    table.add_section()
    for reason, count in sent.by_reason().items():
        table.add_row(f"refused: {reason}", str(count))
    console.print(table)


def _write(options: Options, sent: Sent, books: Books, real_seconds: float) -> None:
    options.out.parent.mkdir(parents=True, exist_ok=True)
    refusals = options.out.with_name(f"{options.out.stem}-refusals.csv")
    told = {
        "file": options.file.name,
        "rows": sent.accepted + len(sent.refused) + sent.unanswered,
        "accepted": sent.accepted,
        "refused": len(sent.refused),
        "unanswered": sent.unanswered,
        "by_reason": sent.by_reason(),
        "refusals": str(refusals),
        "real_seconds": round(real_seconds, 1),
        "books": books.to_dict(),
    }
    options.out.write_text(json.dumps(told, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    with refusals.open("w", encoding="utf-8", newline="") as file:
        lines = csv.DictWriter(file, list(Refused.__dataclass_fields__))
        lines.writeheader()
        lines.writerows(asdict(refused) for refused in sent.refused)


def _options(arguments: Sequence[str] | None) -> Options:
    parser = argparse.ArgumentParser(
        prog="qipan replay", description=__doc__.splitlines()[0] if __doc__ else ""
    )
    parser.add_argument("file", type=Path, help="a CSV of service requests")
    parser.add_argument("--mapping", type=Path, required=True, help="how its columns become reports")
    parser.add_argument(
        "--speed", type=float, default=0.0, help="rows a second; 0: as fast as they are answered"
    )
    parser.add_argument("--limit", type=int, help="send only the first rows; the district is made of all")
    parser.add_argument(
        "--out", type=Path, default=Path("var/replay.json"), help="where the result is written"
    )
    parser.add_argument(
        "--keep", action="store_true", help="leave logs and data where they are, to look into"
    )
    return Options(**vars(parser.parse_args(arguments)))


if __name__ == "__main__":
    sys.exit(main())
