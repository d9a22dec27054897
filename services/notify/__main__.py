"""`python -m services.notify …`: what `qipan notify …` runs, with notify's own role."""

import argparse
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from qipan.contracts.deliveries import ListUndelivered
from qipan.settings import settings
from qipan.storage import Database
from qipan.tenancy import Clocks, load_district
from services.notify import undelivered


def main(arguments: Sequence[str] | None = None) -> int:
    """0 when it was done, 1 when something of it could not be."""
    parser = argparse.ArgumentParser(prog="qipan notify", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    listed = commands.add_parser("undelivered", help="list what did not arrive")
    listed.add_argument("--tenant", default="")
    listed.add_argument("--destination", default=None)
    listed.add_argument("--waiting", action="store_true")
    listed.add_argument("--limit", type=int, default=100)
    again = commands.add_parser("resend", help="try it again, under the same keys")
    again.add_argument("tenant")
    again.add_argument("keys", nargs="*")
    again.add_argument("--destination", default=None)
    asked = parser.parse_args(arguments)

    process = settings()
    database = Database(process.database_url, schema="notify", clocks=Clocks.from_json(process.clocks))
    with closing(database):
        if asked.command == "undelivered":
            return _list(database, asked, _tenants(asked.tenant))
        return _resend(database, asked)


def _tenants(named: str) -> list[str]:
    """The tenant asked for, or every one of the district."""
    return [named] if named else sorted(load_district(Path(settings().district)).tenants)


def _list(database: Database, asked: argparse.Namespace, tenants: Sequence[str]) -> int:
    ask = ListUndelivered(destination=asked.destination, waiting=asked.waiting, limit=asked.limit)
    count = 0
    for tenant in tenants:
        with database.begin() as work:
            found = undelivered.page(work.conn, tenant, ask)
        count += len(found.deliveries)
        for one in found.deliveries:
            about = one.case_id or one.report_id or "-"
            _say(
                f"{tenant} {one.key} {one.state} {one.destination} {one.recipient} {one.event} {about}"
                f" {one.attempts}x {one.changed_at:%FT%TZ} {one.error or ''}".rstrip()
            )
        if found.next is not None:
            _say(f"{tenant} has more; ask for --tenant {tenant} with a higher --limit.")
    if count == 0:
        _say("Everything has arrived, or is on its way.")
    return 0


def _resend(database: Database, asked: argparse.Namespace) -> int:
    keys = list(asked.keys)
    if not keys:
        with database.begin() as work:
            ask = ListUndelivered(destination=asked.destination, limit=500)
            keys = [one.key for one in undelivered.page(work.conn, asked.tenant, ask).deliveries]
    with database.begin() as work:
        done = undelivered.resend(work.conn, asked.tenant, keys)
    _say(f"{len(done.queued)} of {len(keys)} queued again.")
    for key in done.not_queued:
        _say(f"not queued: {key} (under way, arrived, or not of {asked.tenant})")
    return 1 if done.not_queued else 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main())
