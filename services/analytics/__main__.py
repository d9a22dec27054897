"""`python -m services.analytics recount|months`: what `qipan analytics` runs with the service's own role."""

import argparse
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from qipan.settings import settings
from qipan.storage import Database
from qipan.tenancy import Clocks, District, base_of, load_district
from services.analytics import partitions
from services.analytics.months import Month, over
from services.analytics.recount import Difference, Recounting, recount

SHOWN = 50


def main(arguments: list[str] | None = None) -> int:
    """0 when it is done, 1 when a recount found a difference, 2 when it could not be done."""
    parser = argparse.ArgumentParser(prog="qipan analytics", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    counting = commands.add_parser("recount", help="count the totals again and mend them")
    counting.add_argument("--verify", action="store_true", help="only compare, change nothing")
    months = commands.add_parser("months", help="list the totals' months, or drop old ones for good")
    months.add_argument(
        "--drop-before", metavar="YYYY-MM", type=_month, help="drop every month before this one"
    )
    asked = parser.parse_args(arguments)

    process = settings()
    district = load_district(Path(process.district))
    database = Database(process.database_url, schema="analytics", clocks=Clocks.from_json(process.clocks))
    with closing(database):
        try:
            if asked.command == "recount":
                return _recount(database, district, asked.verify)
            return _months(database, district, asked.drop_before)
        except (Recounting, partitions.InUse) as error:
            sys.stderr.write(f"{error}\n")
            return 2


def _recount(database: Database, district: District, verify: bool) -> int:
    differences = recount(database, _zone_of(district), verify=verify)
    for difference in differences[:SHOWN]:
        sys.stdout.write(f"{_line(difference)}\n")
    sys.stdout.write(f"{_verdict(len(differences), verify)}\n")
    return 1 if differences else 0


def _months(database: Database, district: District, before: Month | None) -> int:
    if before is not None:
        clocks = Clocks.from_json(settings().clocks)
        now = [clocks.now(tenant) for tenant in (*district.tenants, *clocks.special)]
        if not over(before.plus(-1), now):
            sys.stderr.write(f"{before.plus(-1)} is not over by every tenant's clock; nothing was dropped.\n")
            return 2
        gone = partitions.drop(database, before)
        sys.stdout.write(f"Dropped: {', '.join(map(str, gone)) or 'nothing was there'}.\n{_GONE}\n")
        return 0
    with database.begin() as work:
        since, found = partitions.kept_since(work.conn), partitions.held(work.conn)
    for one in found:
        sys.stdout.write(f"{one.month or one.table!s:<14}{one.rows:>12} rows{one.size / 2**20:>10.1f} MB\n")
    if since is not None:
        sys.stdout.write(f"What was before {since:%Y-%m} was dropped.\n")
    return 0


_GONE = (
    "The totals of those months are gone: boards, leagues and figures of them show nothing, and no recount brings them"
    " back. The states of their cases and reports, what counts for ever, and published leagues remain."
)


def _month(written: str) -> Month:
    try:
        return Month.from_text(written)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _zone_of(district: District) -> Callable[[str], str]:
    def zone_of(tenant: str) -> str:
        live = district.tenants.get(base_of(tenant))
        return live.zone if live is not None else district.zone

    return zone_of


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
