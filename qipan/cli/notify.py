"""`qipan notify undelivered|resend`: messages to the world outside that did not arrive."""

import os
import sys
from typing import Annotated

import typer

from qipan.hosting.credentials import Credentials
from qipan.hosting.servers import known_database
from qipan.settings import Settings
from qipan.storage.provision import service_url

commands = typer.Typer(help="Messages to people and systems.", no_args_is_help=True)


@commands.command("undelivered")
def list_undelivered(
    tenant: Annotated[str, typer.Option(help="To people and systems of this tenant only.")] = "",
    destination: Annotated[str, typer.Option(help="By this destination only.")] = "",
    waiting: Annotated[bool, typer.Option("--waiting", help="Also what failed and is tried again.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=500, help="At most so many of a tenant.")] = 100,
) -> None:
    """List what was given up, with its key and the reason."""
    words = ["undelivered", "--limit", str(limit)]
    words += ["--tenant", tenant] if tenant else []
    words += ["--destination", destination] if destination else []
    run_notify(Settings(), *words, *(["--waiting"] if waiting else []))


@commands.command()
def resend(
    tenant: Annotated[str, typer.Argument(help="Whose people and systems they are for.")],
    keys: Annotated[
        list[str] | None, typer.Argument(help="Their keys; none: all that were given up.")
    ] = None,
    destination: Annotated[str, typer.Option(help="Without keys: by this destination only.")] = "",
) -> None:
    """Try deliveries again, under the same keys and with all their attempts before them."""
    chosen = ["--destination", destination] if destination else []
    run_notify(Settings(), "resend", *chosen, tenant, *(keys or []))


def run_notify(settings: Settings, *words: str) -> None:
    """Become notify's own program, with its role: the core imports no service."""
    secret = Credentials.kept_in(settings.var).secret
    url = service_url(known_database(settings), "notify", secret)
    command = [sys.executable, "-m", "services.notify", *words]
    os.execve(command[0], command, {**os.environ, "QIPAN_DATABASE_URL": url})
