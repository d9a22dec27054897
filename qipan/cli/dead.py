"""`qipan dead list|show|redrive|discard`: messages that could not be handled."""

import getpass
from typing import Annotated

import typer

from qipan.cli.console import stdout, table
from qipan.hosting.dead_letters import core_publisher, dead_letters
from qipan.settings import Settings

commands = typer.Typer(help="Dead letters: messages that nobody could handle.", no_args_is_help=True)

Ids = Annotated[list[str], typer.Argument(help="Letters, by the id that `list` shows.")]


@commands.command("list")
def list_letters(
    tenant: Annotated[str, typer.Option(help="Of this tenant only.")] = "",
    service: Annotated[str, typer.Option(help="Of this service only.")] = "",
    state: Annotated[str, typer.Option(help="open, redriven or discarded.")] = "open",
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 100,
    after: Annotated[str, typer.Option(help="Go on after this letter.")] = "",
) -> None:
    """List them, oldest first."""
    with dead_letters(Settings()) as store:
        letters = store.page(
            tenant=tenant or None, service=service or None, state=state, limit=limit, after=after or None
        )
    shown = table("id", "since", "service", "key", "redriven", "reason")
    for letter in letters:
        since = "" if letter.first_at is None else f"{letter.first_at:%F %T}"
        shown.add_row(letter.id, since, letter.service, letter.key, str(letter.redrives), letter.reason)
    stdout.print(shown if letters else f"No {state} dead letters.")


@commands.command()
def show(id: Annotated[str, typer.Argument(help="As `list` shows it.")]) -> None:
    """Show one with its reason, traceback, headers and body."""
    with dead_letters(Settings()) as store:
        letter = store.show(id)
    for name in (
        "id",
        "tenant",
        "service",
        "key",
        "message_id",
        "state",
        "redrives",
        "first_at",
        "last_at",
        "reason",
    ):
        stdout.print(f"{name:10} {getattr(letter, name)}", markup=False, highlight=False)
    stdout.print(f"headers    {dict(letter.headers)}", markup=False, highlight=False)
    stdout.print(f"\n{letter.traceback}", markup=False, highlight=False)
    stdout.print(letter.body.decode(errors="backslashreplace"), markup=False, highlight=False)


@commands.command()
def redrive(ids: Ids) -> None:
    """Send letters to their service again, under their own message id: what was handled is not done twice."""
    settings = Settings()
    with dead_letters(settings) as store, core_publisher(settings) as publisher:
        went = store.redrive(ids, publisher, by=getpass.getuser())
    _tell("sent again", went, ids)


@commands.command()
def discard(ids: Ids) -> None:
    """Close letters without sending them anywhere. They stay readable."""
    with dead_letters(Settings()) as store:
        closed = store.discard(ids, by=getpass.getuser())
    _tell("discarded", closed, ids)


def _tell(what: str, done: list[str], wanted: list[str]) -> None:
    stdout.print(f"{len(done)} of {len(wanted)} {what}.")
    for id in wanted:
        if id not in done:
            stdout.print(f"not {what}: {id} (not open, unknown, or not confirmed by the broker)")
    if len(done) < len(wanted):
        raise typer.Exit(1)
