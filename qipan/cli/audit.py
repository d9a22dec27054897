"""`qipan audit verify`: whether the cases' histories are as they were written."""

from typing import Annotated

import typer

from qipan.cli import service_program

commands = typer.Typer(help="The cases' histories, which nobody may change.", no_args_is_help=True)


@commands.callback()
def group() -> None:
    """The cases' histories, which nobody may change."""


@commands.command()
def verify(
    tenant: Annotated[str, typer.Option(help="Of this tenant only.")] = "",
    case: Annotated[str, typer.Option(help="Of this case only, by its id.")] = "",
) -> None:
    """Walk every history's chain of hashes, beside live work, and say where one is broken; then exit code 1."""
    words = [*(["--tenant", tenant] if tenant else []), *(["--case", case] if case else [])]
    service_program.become("dispatch", "verify", *words)
