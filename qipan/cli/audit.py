"""`qipan audit verify`: whether the cases' histories are as they were written."""

import os
import sys
from typing import Annotated

import typer

from qipan.hosting.credentials import Credentials
from qipan.hosting.servers import known_database
from qipan.settings import Settings
from qipan.storage.provision import service_url

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
    settings = Settings()
    secret = Credentials.kept_in(settings.var).secret
    url = service_url(known_database(settings), "dispatch", secret)
    # The service's own program, with its own role: the core imports no service.
    words = [sys.executable, "-m", "services.dispatch", "verify"]
    words += [*(["--tenant", tenant] if tenant else []), *(["--case", case] if case else [])]
    os.execve(words[0], words, {**os.environ, "QIPAN_DATABASE_URL": url})
