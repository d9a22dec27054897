"""`qipan replay FILE --mapping M.toml`: rows of another system's file through the public API."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer


def register(commands: typer.Typer) -> None:
    """Add the command."""
    commands.command("replay", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(
        replay
    )


def replay(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="A CSV of service requests.", exists=True, dir_okay=False)],
    mapping: Annotated[
        Path, typer.Option(help="How its columns become reports.", exists=True, dir_okay=False)
    ],
) -> None:
    """Send every row of a file as a report; further options are those of `python -m exercise.replay`."""
    words = [sys.executable, "-m", "exercise.replay", str(file), "--mapping", str(mapping), *context.args]
    os.execv(words[0], words)
