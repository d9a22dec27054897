"""`qipan db provision|migrate`: roles, schemas and tables."""

import typer

from qipan.cli.console import stdout
from qipan.hosting.credentials import Credentials
from qipan.hosting.prepare import migrate_database, provision_database
from qipan.hosting.servers import known_database
from qipan.settings import Settings
from qipan.tenancy import load_district

commands = typer.Typer(help="The database.", no_args_is_help=True)


@commands.command()
def provision() -> None:
    """Make or repair roles and schemas, as the administrator of QIPAN_DATABASE_URL: each service's, and the role by
    which each tenant's own process sees its own rows. A tenant that left the pack sees nothing any more."""
    settings = Settings()
    district = load_district(settings.district)
    provision_database(known_database(settings), Credentials.kept_in(settings.var).secret, district)
    stdout.print("Roles and schemas are in place.")


@commands.command()
def migrate() -> None:
    """Bring every service's tables to the newest revision, each as its own role, and keep tenants apart on them."""
    settings = Settings()
    before = migrate_database(known_database(settings), Credentials.kept_in(settings.var), settings)
    for service, revision in before.items():
        stdout.print(f"{service}: newest revision (was {revision or 'empty'})")
