"""A service's own program, run from the command line with the service's own role: the core imports no service."""

import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from qipan.hosting.credentials import Credentials
from qipan.hosting.servers import known_database
from qipan.settings import Settings
from qipan.settings_files import with_settings
from qipan.storage.provision import service_url


def command(module: str, words: Sequence[str]) -> list[str]:
    """`python -m module …`, by the Python that runs this."""
    return [sys.executable, "-m", module, *words]


def environment_of(service: str) -> dict[str, str]:
    """This process's, with the service's role on the database instead of the administrator's; NotRunning.

    Intake gets its secrets as well.
    """
    settings = Settings()
    credentials = Credentials.kept_in(settings.var)
    told = {"QIPAN_DATABASE_URL": service_url(known_database(settings), service, credentials.secret)}
    if service == "intake":
        told |= credentials.intake_secrets(settings)
    return with_settings(os.environ, told)


def become(service: str, *words: str, needs_database: bool = True) -> NoReturn:
    """Become `python -m services.<service> …`; NotRunning when it needs a database and none is known."""
    environment = environment_of(service) if needs_database else dict(os.environ)
    program = command(f"services.{service}", words)
    os.execve(program[0], program, environment)
