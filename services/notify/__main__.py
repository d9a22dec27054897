"""`python -m services.notify …`: what `qipan notify …` runs, with notify's own role."""

import argparse
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from qipan.contracts.deliveries import ListUndelivered
from qipan.contracts.errors import NotFound, QipanError
from qipan.contracts.wording import SendTest
from qipan.settings import Settings, settings
from qipan.storage import Database
from qipan.tenancy import Clocks, PackError, load_district
from services.notify import store, testing, undelivered
from services.notify.deliveries import State
from services.notify.desk import Desk
from services.notify.operator_file import DestinationsError, outlets
from services.notify.outlets import Outlets
from services.notify.rulebook import all_shapes, books
from services.notify.templates import LANGUAGES


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
    seen = commands.add_parser("preview", help="show what a template says")
    seen.add_argument("tenant")
    seen.add_argument("template")
    seen.add_argument("--language", choices=LANGUAGES, default=LANGUAGES[0])
    seen.add_argument("--html", action="store_true")
    tried = commands.add_parser("test-send", help="send a template's words, marked as a test")
    tried.add_argument("tenant")
    tried.add_argument("template")
    tried.add_argument("--language", choices=LANGUAGES, default=LANGUAGES[0])
    tried.add_argument("--destination", default=None)
    tried.add_argument("--person", default="")
    tried.add_argument("--channel", default=None)
    commands.add_parser("check", help="read rules, templates and destinations, and say what is wrong")
    asked = parser.parse_args(arguments)

    process = settings()
    if asked.command == "check":
        return _check(process)
    if asked.command == "preview":
        return _preview(_desk(process, Outlets()), asked)
    database = Database(process.database_url, schema="notify", clocks=Clocks.from_json(process.clocks))
    with closing(database):
        if asked.command == "undelivered":
            return _list(database, asked, _tenants(asked.tenant))
        if asked.command == "test-send":
            return _test(database, _desk(process, _outlets(process)), asked)
        return _resend(database, asked)


def _desk(process: Settings, found: Outlets) -> Desk:
    return Desk(load_district(Path(process.district)), found)


def _outlets(process: Settings) -> Outlets:
    shapes = all_shapes(books(load_district(Path(process.district))))
    return outlets(process.destinations, process.smtp_url, shapes)


def _check(process: Settings) -> int:
    try:
        desk = _desk(process, _outlets(process))
    except (PackError, DestinationsError, ValueError) as error:
        _say(str(error))
        return 1
    for outlet in desk.outlets.by_name.values():
        whose = ", ".join(sorted(outlet.tenants))
        _say(f"{outlet.name}: {outlet.channel}, {'persons' if outlet.personal else 'a system'}, of {whose}")
    _say("Rules, templates and destinations can be used.")
    return 0


def _preview(desk: Desk, asked: argparse.Namespace) -> int:
    try:
        seen = desk.preview(asked.tenant, asked.template, asked.language)
    except NotFound as error:
        _say(str(error))
        return 1
    _say(seen.html if asked.html else f"{seen.title}\n\n{seen.body}")
    return 0


def _test(database: Database, desk: Desk, asked: argparse.Namespace) -> int:
    ask = SendTest(
        template=asked.template,
        language=asked.language,
        channel=asked.channel,
        destination=asked.destination,
    )
    try:
        with database.begin() as work:
            queued = testing.note(desk, asked.tenant, asked.person, ask, work.now(asked.tenant))
            store.add(work.conn, [queued])
    except QipanError as error:
        _say(str(error))
        return 1
    sent = testing.sent(queued)
    _say(f"{sent.key} queued: {sent.recipient} by {sent.destination}")
    return 0


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
            found = undelivered.page(work.conn, asked.tenant, ask).deliveries
            keys = [one.key for one in found if one.state == State.GIVEN_UP]
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
