"""The door's page of the reference: `python -m services.intake.reference [--check]`."""

import sys

from qipan import generated
from qipan.http.openapi import as_text
from services.intake.openapi import document
from services.intake.web import ROUTES

PAGE = "openapi-intake.json"

if __name__ == "__main__":
    sys.exit(generated.main(PAGE, as_text(document(ROUTES))))
