"""`python -m services.intake classify|reseal|sweep`: what the commands of `qipan` of these names run.

With intake's own role and keys, as the core imports no service.
"""

import argparse
import sys
from contextlib import closing

from qipan.settings import Settings, settings
from qipan.storage import Database
from qipan.tenancy import Clocks
from services.intake import classify_command
from services.intake.contacts import Contacts
from services.intake.photo_setup import photos_by
from services.intake.reseal import reseal
from services.intake.sealing import Keyring


def main(arguments: list[str] | None = None) -> int:
    """0 when all went well, 1 when something is left to look at."""
    parser = argparse.ArgumentParser(prog="python -m services.intake", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("reseal", help="encrypt contacts under older keys with the newest")
    commands.add_parser("sweep", help="delete photos' files that no report knows")
    commands.add_parser("classify", help="train or evaluate a model", add_help=False)
    chosen, rest = parser.parse_known_args(arguments)
    if chosen.command == "classify":
        return classify_command.main(rest)
    if rest:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    return {"reseal": _reseal, "sweep": _sweep}[chosen.command](settings())


def _reseal(chosen: Settings) -> int:
    contacts = Contacts(Keyring.parse(chosen.contact_keys))
    with closing(_database(chosen)) as database:
        done = reseal(database, contacts)
    sys.stdout.write(f"{done.changed} contact(s) are under key {contacts.newest_key} now.\n")
    if done.unreadable:
        sys.stdout.write(f"{done.unreadable} cannot be read with the keys at hand and are as they were.\n")
    return 1 if done.unreadable else 0


def _sweep(chosen: Settings) -> int:
    with closing(_database(chosen)) as database:
        swept = photos_by(chosen, database).sweep()
    sys.stdout.write(f"{swept} file(s) that no report knows are gone.\n")
    return 0


def _database(chosen: Settings) -> Database:
    return Database(chosen.database_url, schema="intake", clocks=Clocks.from_json(chosen.clocks))


if __name__ == "__main__":
    sys.exit(main())
