"""`qipan secrets write`: what each process may know, as files to mount."""

from pathlib import Path
from typing import Annotated

import typer

from qipan.cli.console import stdout
from qipan.hosting import secret_files
from qipan.hosting.credentials import Credentials
from qipan.settings import Settings
from qipan.tenancy import load_district

commands = typer.Typer(help="Secrets of processes.", no_args_is_help=True)


@commands.callback()
def _group() -> None:
    """Lets the group have a single command."""


@commands.command()
def write(
    root: Annotated[Path, typer.Argument(help="Has a folder for each process, e.g. dispatch@sandun.")],
) -> None:
    """Write into each folder of ROOT the secrets of the process that it is named like, for QIPAN_…_FILE.

    The folders broker, database and operator get the servers' own. QIPAN_AMQP_URL, QIPAN_AMQP_MANAGEMENT_URL
    and QIPAN_DATABASE_URL say where the servers are. Safe to repeat; processes get new tokens at their next start.
    """
    settings = Settings()
    filled = secret_files.fill(
        root, load_district(settings.district), Credentials.kept_in(settings.var), settings
    )
    stdout.print(f"Written for {', '.join(filled)}.")
