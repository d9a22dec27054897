"""`qipan photos sweep`: photos' files that no report knows."""

import typer

from qipan.cli.contacts import run_intake
from qipan.settings import Settings

commands = typer.Typer(help="Photos of reports.", no_args_is_help=True)


@commands.callback()
def group() -> None:
    """Photos of reports."""


@commands.command()
def sweep() -> None:
    """Delete files that have waited an hour for their report's row: somebody died, or was refused, in between."""
    run_intake(Settings(), "sweep")
