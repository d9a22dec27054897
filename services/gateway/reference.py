"""The gateway's page of the reference: `python -m services.gateway.reference [--check]`."""

import sys

from qipan import generated
from qipan.http import openapi
from qipan.observability.health import Health
from services.gateway.description import document
from services.gateway.parts import Parts
from services.gateway.web import create_app

PAGE = "openapi-gateway.json"


def as_text() -> str:
    """The description as it is kept under docs/reference."""
    return openapi.as_text(document(create_app(_no_parts, Health())))


def _no_parts() -> Parts:
    raise RuntimeError("this application only describes itself")


if __name__ == "__main__":
    sys.exit(generated.main(PAGE, as_text()))
