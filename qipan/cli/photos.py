"""`qipan photos sweep`: photos' files that no report knows."""

import typer

from qipan.cli import service_program

commands = typer.Typer(help="Photos of reports.", no_args_is_help=True)


@commands.callback()
def group() -> None:
    """Photos of reports."""


@commands.command()
def sweep() -> None:
    """Delete files that have waited an hour for their report's row: somebody died, or was refused, in between."""
    service_program.become("intake", "sweep")
