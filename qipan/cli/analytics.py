"""`qipan analytics recount`: the totals once more from analytics' own newest states, compared with dispatch's cases.

`qipan analytics months`: the totals' months, listed, and old ones dropped.
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from qipan.cli.agreement import Program, disagreements
from qipan.hosting.credentials import Credentials
from qipan.hosting.servers import known_database
from qipan.settings import Settings
from qipan.storage.provision import service_url

SHOWN = 50

commands = typer.Typer(help="The totals.", no_args_is_help=True)


@commands.callback()
def group() -> None:
    """The totals."""


@commands.command()
def recount(
    verify: Annotated[bool, typer.Option("--verify", help="Only compare, change nothing.")] = False,
) -> None:
    """Count the totals again, beside live updates, and mend what differs; exit code 1 when something did.

    With --verify also ask dispatch, by tenant and day, whether analytics has every case as it is.
    """
    words, environment = _program(
        "analytics", "services.analytics", "recount", *(["--verify"] if verify else [])
    )
    if not verify:
        os.execve(words[0], words, environment)
    counted = subprocess.run(words, env=environment, check=False).returncode
    if counted > 1:
        raise typer.Exit(counted)

    def knows(service: str) -> Program:
        def run(options: Sequence[str]) -> list[list[Any]]:
            words, environment = _program(service, f"services.{service}.digests", *options)
            told = subprocess.run(words, env=environment, check=True, capture_output=True, text=True)
            return [json.loads(line) for line in told.stdout.splitlines()]

        return Program(run)

    found = disagreements(knows("dispatch"), knows("analytics"))
    for one in found[:SHOWN]:
        typer.echo(str(one))
    typer.echo(
        f"{len(found)} case(s) are not in analytics as dispatch has them."
        if found
        else "Analytics has every case as dispatch has it."
    )
    raise typer.Exit(1 if found else counted)


@commands.command()
def months(
    drop_before: Annotated[
        str | None,
        typer.Option(metavar="YYYY-MM", help="Drop the totals of every month before this one, for good."),
    ] = None,
) -> None:
    """List the totals' months (of UTC) with their rows and size, or drop old ones.

    The figures of a dropped month are gone; the states of its cases remain. Months that are not over are refused.
    """
    options = [] if drop_before is None else ["--drop-before", drop_before]
    words, environment = _program("analytics", "services.analytics", "months", *options)
    os.execve(words[0], words, environment)


def _program(service: str, *words: str) -> tuple[list[str], dict[str, str]]:
    """The service's own program, with its own role: the core imports no service."""
    settings = Settings()
    url = service_url(known_database(settings), service, Credentials.kept_in(settings.var).secret)
    return [sys.executable, "-m", *words], {**os.environ, "QIPAN_DATABASE_URL": url}
