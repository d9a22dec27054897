"""`qipan run SERVICE`: one process of the district, in the foreground."""

import os
from typing import Annotated

import typer

from qipan.hosting.command import command


def register(commands: typer.Typer) -> None:
    """Add the command."""
    commands.command("run")(run)


def run(
    service: Annotated[
        str, typer.Argument(help="door, gateway, steward, intake, dispatch, … or a tenant's own.")
    ],
    tenant: Annotated[str, typer.Option(help="Serve for this tenant alone.")] = "",
) -> None:
    """Run one service until SIGTERM. It reads its settings (QIPAN_…) from the environment."""
    # A fresh interpreter: Nameko services must be patched by eventlet before anything else is imported.
    words = command(service, tenant or None)
    os.execv(words[0], words)
