"""Running intake's own program from the command line: the core imports no service."""

import os
import sys
from typing import NoReturn

from qipan.hosting.credentials import Credentials
from qipan.hosting.servers import known_database
from qipan.settings import Settings
from qipan.storage.provision import service_url


def run(words: list[str], *, needs_database: bool = True) -> NoReturn:
    """Become `python -m services.intake …`, with the service's own role on the database; NotRunning."""
    environment = dict(os.environ)
    if needs_database:
        settings = Settings()
        secret = Credentials.kept_in(settings.var).secret
        environment["QIPAN_DATABASE_URL"] = service_url(known_database(settings), "intake", secret)
    command = [sys.executable, "-m", "services.intake", *words]
    os.execve(command[0], command, environment)
