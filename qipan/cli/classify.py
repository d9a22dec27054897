"""`qipan classify train|evaluate`: what reports are about, learned from a town's own corrected cases."""

from pathlib import Path
from typing import Annotated

import typer

from qipan.cli import service_program

commands = typer.Typer(help="Suggestions of a report's matter.", no_args_is_help=True)

Tenant = Annotated[str, typer.Option(help="Whose cases; the district's id: those of all its tenants.")]
From = Annotated[
    Path | None,
    typer.Option(
        "--from",
        help="A CSV with the columns text and matter, instead of the cases.",
        dir_okay=False,
        exists=True,
    ),
]
Most = Annotated[int, typer.Option(min=1, help="Take at most so many cases, the newest.")]
LeastRows = Annotated[int, typer.Option(min=1, help="Learn only about matters with so many rows.")]
Seed = Annotated[int, typer.Option(help="Which rows are held out.")]
Json = Annotated[Path | None, typer.Option("--json", help="Write the figures here as JSON.", dir_okay=False)]


@commands.command()
def train(
    tenant: Tenant,
    file: From = None,
    most: Most = 50_000,
    least_rows: LeastRows = 3,
    seed: Seed = 1,
    json: Json = None,
    out: Annotated[Path | None, typer.Option(help="Write the model here instead.", dir_okay=False)] = None,
) -> None:
    """Learn, and write the model that intake uses from its next start on."""
    words = _words("train", tenant, file, most, least_rows, seed, json)
    words += ["--out", str(out)] if out else []
    service_program.become("intake", *words, needs_database=file is None)


@commands.command()
def evaluate(
    tenant: Tenant,
    file: From = None,
    most: Most = 50_000,
    least_rows: LeastRows = 3,
    seed: Seed = 1,
    json: Json = None,
    held_out: Annotated[float, typer.Option(min=0.01, max=0.9, help="The share that is held out.")] = 0.2,
) -> None:
    """Learn from a part, and say how well the rest is recognised, beside the commonest matter and the words."""
    words = _words("evaluate", tenant, file, most, least_rows, seed, json)
    service_program.become("intake", *words, "--held-out", str(held_out), needs_database=file is None)


def _words(
    command: str, tenant: str, file: Path | None, most: int, least_rows: int, seed: int, json: Path | None
) -> list[str]:
    words = [
        "classify",
        command,
        "--tenant",
        tenant,
        "--most",
        str(most),
        "--least-rows",
        str(least_rows),
        "--seed",
        str(seed),
    ]
    words += ["--from", str(file)] if file else []
    return words + (["--json", str(json)] if json else [])
