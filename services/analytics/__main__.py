"""`python -m services.analytics recount [--verify]`: what `qipan analytics recount` runs."""

import argparse
import sys
from contextlib import closing
from pathlib import Path

from qipan.settings import settings
from qipan.storage import Database
from qipan.tenancy import Clocks, base_of, load_district
from services.analytics.recount import Difference, Recounting, recount

SHOWN = 50


def main(arguments: list[str] | None = None) -> int:
    """0 when the totals agree with a recount, 1 when something differed, 2 when it could not be done."""
    parser = argparse.ArgumentParser(prog="qipan analytics", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("recount", help="count the totals again and mend them")
    command.add_argument("--verify", action="store_true", help="only compare, change nothing")
    verify = parser.parse_args(arguments).verify

    process = settings()
    district = load_district(Path(process.district))

    def zone_of(tenant: str) -> str:
        live = district.tenants.get(base_of(tenant))
        return live.zone if live is not None else district.zone

    database = Database(process.database_url, schema="analytics", clocks=Clocks.from_json(process.clocks))
    with closing(database):
        try:
            differences = recount(database, zone_of, verify=verify)
        except Recounting as error:
            sys.stderr.write(f"{error}\n")
            return 2
    for difference in differences[:SHOWN]:
        sys.stdout.write(f"{_line(difference)}\n")
    sys.stdout.write(f"{_verdict(len(differences), verify)}\n")
    return 1 if differences else 0


def _line(difference: Difference) -> str:
    key, counter, live, recounted = difference
    where = f"{key.tenant} {key.cut} {key.bucket:%Y-%m-%dT%H:%MZ} {key.member}".rstrip()
    return f"{where}: {counter} is {live}, recounted {recounted}"


def _verdict(count: int, verify: bool) -> str:
    if count == 0:
        return "The totals agree with a recount."
    if verify:
        return f"{count} figure(s) differ from a recount; without --verify they are mended."
    return f"{count} figure(s) differed and have been mended."


if __name__ == "__main__":
    sys.exit(main())
