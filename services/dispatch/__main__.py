"""`python -m services.dispatch verify [--tenant T] [--case C]`: what `qipan audit verify` runs."""

import argparse
import sys
from contextlib import closing

from qipan.settings import settings
from qipan.storage import Database
from qipan.tenancy import Clocks
from services.dispatch.audit import verify

SHOWN = 50


def main(arguments: list[str] | None = None) -> int:
    """0 when every chain holds, 1 when one is broken, 2 when the case that was asked for is not there."""
    parser = argparse.ArgumentParser(prog="qipan audit", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("verify", help="walk the chains of the cases' histories")
    command.add_argument("--tenant", help="of this tenant only")
    command.add_argument("--case", help="of this case only")
    asked = parser.parse_args(arguments)
    process = settings()
    database = Database(process.database_url, schema="dispatch", clocks=Clocks.from_json(process.clocks))
    cases = rows = older = broken = 0
    with closing(database):
        for verdict in verify(database.engine, asked.tenant, asked.case):
            cases, rows, older = cases + 1, rows + verdict.rows, older + verdict.rows - verdict.chained
            if verdict.broken is None:
                continue
            broken += 1
            if broken <= SHOWN:
                sys.stdout.write(f"{verdict.tenant} {verdict.case_id}: {verdict.broken}\n")
    if asked.case and not cases:
        sys.stderr.write(f"There is no case {asked.case!r} here.\n")
        return 2
    before = f" ({older} rows are older than the chain, and nothing vouches for them)" if older else ""
    whole = "every chain holds" if not broken else f"{broken} broken"
    sys.stdout.write(f"{cases} cases, {rows} rows of history: {whole}{before}.\n")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
