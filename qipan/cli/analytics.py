"""`qipan analytics recount`: the totals once more from analytics' own newest states."""

import os
import sys
from typing import Annotated

import typer

from qipan.hosting.credentials import Credentials
from qipan.hosting.servers import known_database
from qipan.settings import Settings
from qipan.storage.provision import service_url

commands = typer.Typer(help="The totals.", no_args_is_help=True)


@commands.callback()
def group() -> None:
    """The totals."""


@commands.command()
def recount(
    verify: Annotated[bool, typer.Option("--verify", help="Only compare, change nothing.")] = False,
) -> None:
    """Count the totals again, beside live updates, and mend what differs; exit code 1 when something did."""
    settings = Settings()
    secret = Credentials.kept_in(settings.var).secret
    url = service_url(known_database(settings), "analytics", secret)
    # The service's own program, with its own role: the core imports no service.
    words = [sys.executable, "-m", "services.analytics", "recount", *(["--verify"] if verify else [])]
    os.execve(words[0], words, {**os.environ, "QIPAN_DATABASE_URL": url})
