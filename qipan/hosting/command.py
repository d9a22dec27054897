"""The command line of a process. Nameko services and HTTP servers start from different modules.

Eventlet must patch the standard library before anything else is imported in the ones, and must never be
imported in the others.
"""

import sys

from qipan.hosting.port import HTTP_SERVICES


def command(service: str, tenant: str | None) -> list[str]:
    """What runs a service in the foreground, reading its settings from the environment."""
    if service in HTTP_SERVICES:
        return [sys.executable, "-m", "qipan.hosting.http_main", service]
    serving = [sys.executable, "-m", "qipan.hosting.service_main", service]
    return serving if tenant is None else [*serving, "--tenant", tenant]
