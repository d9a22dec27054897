"""The process of one Nameko service: `python -m qipan.hosting.service_main dispatch --tenant sandun`."""

import warnings

warnings.filterwarnings("ignore", message=r"\s*Eventlet is deprecated")  # known: see docs/adr

import eventlet  # noqa: E402

eventlet.monkey_patch()  # before anything else is imported, or locks and sockets would stop every greenlet

import os  # noqa: E402

# psycopg's C wait would stop every greenlet, and which one it takes is settled when it is first imported.
os.environ.setdefault("PSYCOPG_WAIT_FUNC", "wait_select")

import argparse  # noqa: E402
import sys  # noqa: E402
from pathlib import Path  # noqa: E402

from qipan.hosting.fitness import check_schema, check_settings, settings_from_environment  # noqa: E402
from qipan.hosting.service_class import ClassError, service_class  # noqa: E402
from qipan.messaging.runner import run  # noqa: E402
from qipan.storage.revisions import WrongSchema  # noqa: E402
from qipan.tenancy import PackError, load_district  # noqa: E402


def main() -> int:
    """Serve until SIGTERM; returns EX_CONFIG (78), saying why, when the pack, the settings or the schema are wrong.

    EX_SOFTWARE (70) when the service died of an error, which its log has.
    """
    parser = argparse.ArgumentParser(prog="qipan run")
    parser.add_argument("service")
    parser.add_argument("--tenant", default="")
    options = parser.parse_args()
    try:
        settings = settings_from_environment()
        if options.tenant:
            settings = settings.model_copy(update={"tenant": options.tenant})
        check_settings(options.service, settings)
        check_schema(options.service, settings)
        district = load_district(Path(settings.district))
        return run(service_class(district, options.service, settings.tenant or None), settings)
    except (PackError, ClassError, WrongSchema, ValueError) as error:
        sys.stderr.write(f"{options.service} cannot start: {error}\n")
        return os.EX_CONFIG


if __name__ == "__main__":
    sys.exit(main())
