"""`qipan analytics recount`: the totals once more from analytics' own newest states, compared with dispatch's cases.

`qipan analytics months`: the totals' months, listed, and old ones dropped.
"""

import json
import subprocess
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from qipan.cli import service_program
from qipan.cli.agreement import Program, disagreements

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
    if not verify:
        service_program.become("analytics", "recount")
    words = service_program.command("services.analytics", ["recount", "--verify"])
    counted = subprocess.run(words, env=service_program.environment_of("analytics"), check=False).returncode
    if counted > 1:
        raise typer.Exit(counted)

    def knows(service: str) -> Program:
        environment = service_program.environment_of(service)

        def run(options: Sequence[str]) -> list[list[Any]]:
            words = service_program.command(f"services.{service}.digests", options)
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
    service_program.become("analytics", "months", *options)
