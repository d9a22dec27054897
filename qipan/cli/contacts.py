"""`qipan contacts rotate|reseal`: the keys that reporters' names and phone numbers are encrypted with."""

import typer

from qipan.cli import service_program
from qipan.cli.console import stdout
from qipan.hosting.credentials import Credentials
from qipan.settings import Settings

commands = typer.Typer(help="Reporters' names and phone numbers.", no_args_is_help=True)


@commands.command()
def rotate() -> None:
    """Add a key. Processes encrypt with it from their next start on; what is stored stays readable."""
    settings = Settings()
    if settings.contact_keys:
        stdout.print(
            "QIPAN_CONTACT_KEYS is set, and its keys are yours to change: put a higher number first."
        )
        raise typer.Exit(1)
    grown = Credentials.kept_in(settings.var).with_new_contact_key(settings.var)
    stdout.print(
        f"Key {grown.contact_generation} is there. Start the district again, then `qipan contacts reseal`."
    )


@commands.command()
def reseal() -> None:
    """Encrypt what lies under older keys with the newest, beside live traffic."""
    service_program.become("intake", "reseal")
