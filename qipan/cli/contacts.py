"""`qipan contacts rotate|reseal`: the keys that reporters' names and phone numbers are encrypted with."""

import os
import sys

import typer

from qipan.cli.console import stdout
from qipan.hosting.credentials import Credentials
from qipan.hosting.servers import known_database
from qipan.settings import Settings
from qipan.storage.provision import service_url

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
    run_intake(Settings(), "reseal")


def run_intake(settings: Settings, *words: str) -> None:
    """Become intake's own program, with its role and secrets: the core imports no service."""
    credentials = Credentials.kept_in(settings.var)
    url = service_url(known_database(settings), "intake", credentials.secret)
    secrets = {"QIPAN_DATABASE_URL": url, **credentials.intake_secrets(settings)}
    command = [sys.executable, "-m", "services.intake", *words]
    os.execve(command[0], command, {**os.environ, **secrets})
