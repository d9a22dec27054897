"""The process of one HTTP server: `python -m qipan.hosting.http_main gateway`. Never imports eventlet."""

import argparse
import os
import sys

import uvicorn

from qipan import collecting
from qipan.hosting.fitness import check_schema, check_settings, settings_from_environment
from qipan.observability import logs
from qipan.storage.revisions import WrongSchema
from qipan.tenancy import PackError

_APPLICATIONS = {"door": "services.intake.web:app", "gateway": "services.gateway.app:app"}

GRACE = 10
"""Seconds in which running requests may end after SIGTERM."""


def main() -> int:
    """Serve until SIGTERM; returns EX_CONFIG (78), saying why, when the pack, the settings or the schema are wrong."""
    parser = argparse.ArgumentParser(prog="qipan run")
    parser.add_argument("service", choices=sorted(_APPLICATIONS))
    options = parser.parse_args()
    try:
        settings = settings_from_environment()
        check_settings(options.service, settings)
        check_schema(options.service, settings)
        logs.configure(options.service, settings.log, settings.log_level, settings.tenant)
        collecting.settle()
        uvicorn.run(
            _APPLICATIONS[options.service],
            host=settings.host,
            port=settings.port,
            loop="uvloop",
            http="httptools",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=GRACE,
        )
    except (PackError, WrongSchema, ValueError) as error:
        sys.stderr.write(f"{options.service} cannot start: {error}\n")
        return os.EX_CONFIG
    return 0


if __name__ == "__main__":
    sys.exit(main())
